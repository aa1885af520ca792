/**
 * What vitest's JSON report says, reduced to names. Guarantees: a file that could not be loaded counts as one failed
 * test, and an absent or unreadable report as one too: nothing is green because nothing ran.
 */

import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

export interface Report {
  /** `file > test` */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** The part of the report that is used here. */
interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly meta?: { readonly skipReason?: string };
    }[];
  }[];
}

export function readReport(path: string): Report {
  let files: VitestReport['testResults'];
  try {
    files = (JSON.parse(readFileSync(path, 'utf8')) as VitestReport).testResults;
  } catch (error) {
    return { passed: [], skipped: [], failed: [`no test report: ${error instanceof Error ? error.message : error}`] };
  }
  const tests = files.flatMap((file) =>
    file.assertionResults.map((test) => ({ ...test, name: `${relative(ROOT, file.name)} > ${test.fullName}` })),
  );
  const unloaded = files
    .filter(({ status, assertionResults }) => status === 'failed' && !assertionResults.some(isFailed))
    .map(({ name }) => `${relative(ROOT, name)} as a whole`);
  return {
    passed: tests.filter(({ status }) => status === 'passed').map(({ name }) => name),
    failed: [...tests.filter(isFailed).map(({ name }) => name), ...unloaded],
    skipped: tests
      .filter((test) => test.status !== 'passed' && !isFailed(test))
      .map(({ name, meta }) => ({ name, reason: meta?.skipReason ?? 'no reason given' })),
  };
}

function isFailed({ status }: { readonly status: string }): boolean {
  return status === 'failed';
}
