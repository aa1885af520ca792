/**
 * npm run scenario -- <name> [--json]     runs one; with --json the last line of stdout is one JSON object
 * npm run scenario -- --list              names them
 * Exit code: 0 when every goal is met, 1 when one is missed, 64 when there is no such scenario.
 */
import { SCENARIOS } from './list.ts';

const USAGE = 'npm run scenario -- <name> [--json] | --list | --help';

const args = process.argv.slice(2);
const name = args.find((argument) => !argument.startsWith('--'));
const unknown = args.find(
  (argument) => argument.startsWith('--') && !['--json', '--list', '--help'].includes(argument),
);
const scenario = SCENARIOS.find((candidate) => candidate.name === name);

if (args.includes('--list') || args.includes('--help')) {
  console.log(args.includes('--help') ? `${USAGE}\n` : '');
  for (const { name: each, summary } of SCENARIOS) console.log(`  ${each.padEnd(20)} ${summary}`);
} else if (scenario === undefined || unknown !== undefined) {
  const fault = unknown === undefined ? `there is no scenario "${name ?? ''}"` : `unknown option ${unknown}`;
  console.error(`${fault}; ${USAGE}\n--list names: ${SCENARIOS.map((each) => each.name).join(', ')}`);
  process.exitCode = 64;
} else {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1).padStart(6);
  const outcome = await scenario.run({ progress: (text) => console.error(`${seconds()} s  ${text}`) });
  for (const { goal, value, met } of outcome.goals) console.error(`${met ? '✓' : '✗'} ${goal}: ${value}`);
  const passed = outcome.goals.every(({ met }) => met);
  const report = { scenario: scenario.name, passed, ...outcome };
  console.log(args.includes('--json') ? JSON.stringify(report) : JSON.stringify(report, undefined, 2));
  process.exitCode = passed ? 0 : 1;
}
