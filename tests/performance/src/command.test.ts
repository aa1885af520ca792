import { describe, expect, test } from 'vitest';
import { atMost, type Bench } from './bench.ts';
import { BENCHES } from './benches.ts';
import { runCommand } from './command.ts';
import { nsPerOperation } from './measure.ts';

const counting: Bench = {
  name: 'counting',
  summary: 'counts to three',
  run: ({ progress, quick }) => {
    progress('one, two');
    return { results: { counted: { to: 3 }, was_quick: quick }, goals: [atMost('three', 3, 2)] };
  },
};
const failing: Bench = { ...counting, name: 'failing', run: () => Promise.reject(new Error('it broke')) };

async function run(args: readonly string[], benches: readonly Bench[] = [counting, failing]) {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runCommand(args, benches, { out: (line) => out.push(line), error: (line) => error.push(line) });
  return { code, out, error: error.join('\n') };
}

describe('bench', () => {
  test('--json prints one line, the report; progress goes elsewhere', async () => {
    const { code, out, error } = await run(['counting', '--json']);
    expect(code).toBe(0);
    expect(out).toHaveLength(1);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({
      bench: 'counting',
      quick: false,
      counted: { to: 3 },
      goals: [{ goal: 'three', measured: 3, at_most: 2, met: false }],
      environment: { node: process.version },
    });
    expect(error).toBe('counting: one, two');
  });

  test('without it the report is the last line', async () => {
    const { out } = await run(['counting', '--quick']);
    expect(out.length).toBeGreaterThan(2);
    expect(out.join('\n')).toContain('missed three: 3 (at most 2)');
    expect(JSON.parse(out.at(-1) ?? '')).toMatchObject({ bench: 'counting', was_quick: true });
  });

  test('--list and --help name every benchmark', async () => {
    for (const option of ['--list', '--help']) {
      const { code, out } = await run([option]);
      expect(code).toBe(0);
      expect(out.join('\n')).toContain('counting  counts to three');
    }
  });

  test.each([[[]], [['nothing']], [['counting', 'failing']], [['counting', '--fast']]])(
    '%j is refused',
    async (args) => {
      const { code, out, error } = await run(args);
      expect([code, out]).toEqual([2, []]);
      expect(error).toContain('Usage: npm run bench');
    },
  );

  test('a benchmark that fails says why', async () => {
    const { code, out, error } = await run(['failing', '--json']);
    expect([code, out]).toEqual([1, []]);
    expect(error).toContain('it broke');
  });
});

test('subjects take turns, and are prepared before each round', () => {
  const calls: string[] = [];
  const subject = (name: string) => ({
    operations: 1,
    prepare: () => calls.push(`prepare ${name}`),
    work: () => calls.push(name),
  });
  const ns = nsPerOperation([subject('a'), subject('b')], { rounds: 1, warmUps: 1 });
  expect(ns).toHaveLength(2);
  expect(calls).toEqual(['prepare a', 'a', 'prepare b', 'b', 'prepare a', 'a', 'prepare b', 'b']);
});

test('benchmarks have different names', () => {
  expect(new Set(BENCHES.map(({ name }) => name)).size).toBe(BENCHES.length);
});

const inProcess = BENCHES.filter(({ startsProcesses }) => startsProcesses !== true);

test.each(inProcess.map((bench) => [bench.name, bench] as const))('%s runs through', async (_, bench) => {
  const { results } = await bench.run({ quick: true, progress: () => {} });
  expect(Object.keys(results).length).toBeGreaterThan(0);
  expect(JSON.stringify(results)).not.toContain('null');
});
