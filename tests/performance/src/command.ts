/**
 * The command `bench`: parses what was asked, runs one benchmark, prints.
 *
 * Progress goes to stderr. The last line on stdout is the report as one JSON object; with `--json` it is the only one.
 * Exit code: 0 it ran (whether or not goals are met), 1 it failed, 2 it was asked wrongly.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench, BenchReport } from './bench.ts';

export interface Terminal {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
}

const OPTIONS = {
  json: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const HELP = `Usage: npm run bench -- <name> [--json] [--quick]
       npm run bench -- --list

  --json    only the report on stdout, as one line of JSON
  --quick   a short pass that proves that the benchmark works; its numbers mean nothing
  --list    names the benchmarks
  --help    this text`;

export async function runCommand(
  args: readonly string[],
  benches: readonly Bench[],
  terminal: Terminal,
): Promise<number> {
  const asked = parse(args);
  if (typeof asked === 'string') return refuse(terminal, asked);
  const { values, positionals } = asked;
  if (values.help) {
    terminal.out(`${HELP}\n\nBenchmarks:\n${listing(benches)}`);
    return 0;
  }
  if (values.list) {
    terminal.out(listing(benches));
    return 0;
  }
  const [name, ...others] = positionals;
  if (name === undefined || others.length > 0) return refuse(terminal, 'name one benchmark');
  const bench = benches.find((one) => one.name === name);
  if (bench === undefined) return refuse(terminal, `there is no benchmark "${name}"`);

  const progress = (text: string) => terminal.error(`${name}: ${text}`);
  try {
    const report = await bench.run({ progress, quick: values.quick });
    if (!values.json) for (const line of forPeople(report)) terminal.out(line);
    terminal.out(
      JSON.stringify({
        bench: name,
        quick: values.quick,
        environment: environment(),
        ...report.results,
        goals: report.goals,
      }),
    );
    return 0;
  } catch (error) {
    terminal.error(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return 1;
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function refuse(terminal: Terminal, fault: string): number {
  terminal.error(`bench: ${fault}\n\n${HELP}`);
  return 2;
}

function listing(benches: readonly Bench[]): string {
  const width = Math.max(...benches.map(({ name }) => name.length));
  return benches.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n');
}

function forPeople({ results, goals }: BenchReport): string[] {
  const numbers = Object.entries(results).map(([name, value]) => `${name}: ${JSON.stringify(value, null, 2)}`);
  const marks = goals.map(
    ({ goal, measured, at_most, met }) => `${met ? 'met   ' : 'missed'} ${goal}: ${measured} (at most ${at_most})`,
  );
  return [...numbers, ...marks];
}

function environment() {
  const processors = cpus();
  return { node: process.version, cpu: processors[0]?.model ?? '', cores: processors.length };
}
