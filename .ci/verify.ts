/**
 * `npm run verify`: everything that must hold before a change is merged, and the same that CI runs. Guarantees: every
 * step runs, whatever failed before it; the last line is `N passed, N failed, N skipped` (tests); the exit code is 0
 * only if every step and every test passed. With CI set, a test that must run there and was skipped is a failure.
 */

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Report, readReport } from './report.ts';

const ROOT = join(import.meta.dirname, '..');
const REPORT = join(ROOT, '.test-results/vitest.json');

/** Skipped on a developer's machine that lacks a part, but not in CI: tests whose file or name matches. */
const MUST_RUN_IN_CI = [/rtsp/i];

/** Through npm, so that they are what a developer runs one by one, under the Node and the tools of the workspace. */
const STEPS: readonly (readonly [name: string, ...npmArguments: string[]])[] = [
  ['format and lint', 'run', '-s', 'lint'],
  ['typecheck', 'run', '-s', 'typecheck'],
  ['build', 'run', '-s', 'build'],
  ['coverage of the actors', 'run', '-s', 'test:coverage'],
  ['test', 'test', '--', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`],
];

function main(): number {
  // A run that dies must not be taken for the one before it.
  rmSync(REPORT, { force: true });
  const failed = STEPS.filter((step) => !runStep(...step)).map(([name]) => name);

  const report = readReport(REPORT);
  const missed = process.env['CI'] ? missedInCi(report) : [];
  printSkipped(report);
  for (const name of missed) console.log(`must run in CI: ${name}`);
  if (failed.length > 0) console.log(`failed steps: ${failed.join(', ')}`);
  console.log(`${report.passed.length} passed, ${report.failed.length} failed, ${report.skipped.length} skipped`);
  return failed.length + missed.length + report.failed.length > 0 ? 1 : 0;
}

function runStep(name: string, ...npmArguments: string[]): boolean {
  console.log(`\n== ${name}`);
  const started = performance.now();
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' };
  const { status, error } = spawnSync('npm', npmArguments, { cwd: ROOT, stdio: 'inherit', env });
  if (error !== undefined) console.log(`npm could not be started: ${error.message}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`== ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${seconds} s)`);
  return status === 0;
}

function missedInCi({ passed, skipped }: Report): readonly string[] {
  return MUST_RUN_IN_CI.flatMap((pattern) => {
    const missed = skipped.map(({ name }) => name).filter((name) => pattern.test(name));
    const hasRun = passed.some((name) => pattern.test(name));
    return hasRun || missed.length > 0 ? missed : [`no test matches ${pattern}`];
  });
}

function printSkipped({ skipped }: Report): void {
  if (skipped.length === 0) return;
  console.log(`\nskipped tests:`);
  for (const { name, reason } of skipped) console.log(`  ${name}: ${reason}`);
}

process.exitCode = main();
