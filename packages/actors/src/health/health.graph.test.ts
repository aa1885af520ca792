/** Every state of a health machine with two checks. */
import { expect, it } from 'vitest';
import { changesOf, type Exploration, explore } from '../../tests/explore.ts';
import { checkLevels, worstLevel } from './checks.ts';
import { healthMachine, healthStates } from './health.machine.ts';

const exploration: Exploration<typeof healthMachine> = {
  input: { settings: { worseAfter: 2, betterAfter: 2 } },
  events: () => [
    ...['a', 'b'].flatMap((check) =>
      checkLevels.map((result) => ({ type: 'check.completed', check, result, at: 1 }) as const),
    ),
    { type: 'check.removed', check: 'a' },
    { type: 'checks.silenced' } as never,
  ],
  limit: 20_000,
};

const paths = explore(healthMachine, exploration);

it('reaches every state, and every pair of levels of two checks', () => {
  expect(new Set(paths.map(({ end }) => end.value))).toEqual(new Set(healthStates));
  const pairs = paths
    .map(({ end: { context } }) => [context.checks['a']?.level, context.checks['b']?.level])
    .filter((pair) => !pair.includes(undefined))
    .map((pair) => pair.join(' '));
  expect(new Set(pairs).size).toBe(9);
});

it('changes its state in the ways of the picture alone', () => {
  const known = ['ok', 'degraded', 'failing'];
  const expected = [
    ...known.flatMap((from) => known.filter((to) => to !== from).map((to) => `${from} → ${to}: check.completed`)),
    ...known.map((to) => `unknown → ${to}: check.completed`),
    ...known.map((from) => `${from} → unknown: checks.silenced`),
    ...known.map((from) => `${from} → unknown: check.removed`),
    'degraded → ok: check.removed',
    'failing → ok: check.removed',
    'failing → degraded: check.removed',
  ];
  expect(changesOf(healthMachine, exploration)).toEqual(expected.sort());
});

it('is the worst of its checks, on every path', () => {
  for (const { after } of paths.flatMap(({ steps }) => steps))
    expect(after.value).toBe(worstLevel(after.context.checks) ?? 'unknown');
});
