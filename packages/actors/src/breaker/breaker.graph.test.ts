/** Every state of a small breaker, by its shortest path. */
import { expect, it } from 'vitest';
import { changesOf, type Exploration, endOfWait, explore } from '../../tests/explore.ts';
import { admissible, type BreakerSnapshot, breakerMachine, breakerStates } from './breaker.machine.ts';

const settings = { failuresToOpen: 2, trialCalls: 2, successesToClose: 2 };

const exploration: Exploration<typeof breakerMachine> = {
  input: { settings },
  events: ({ context: { era } }: BreakerSnapshot) => [
    { type: 'call.admitted', at: 1 },
    { type: 'call.succeeded', era },
    { type: 'call.failed', era, at: 1 },
    { type: 'call.succeeded', era: era - 1 },
    { type: 'call.failed', era: era - 1, at: 1 },
    { type: 'trials.silenced' } as never,
    endOfWait(breakerMachine, 'recoveryMs', 'open'),
    { type: 'breaker.reset' },
  ],
  isFarEnough: ({ context }) => context.era > 6,
  limit: 20_000,
};

const paths = explore(breakerMachine, exploration);

it('reaches every state, half-open in each of its conditions', () => {
  expect(new Set(paths.map(({ end }) => end.value))).toEqual(new Set(breakerStates));
  const conditions = paths
    .filter(({ end }) => end.value === 'halfOpen' && end.context.era === 2)
    .map(({ end }) => `${end.context.trials} ${end.context.successes}`);
  expect(conditions.sort()).toEqual(['0 0', '0 1', '1 0', '1 1', '2 0', '2 1']);
});

it('changes its state in the ways of the picture alone', () => {
  expect(changesOf(breakerMachine, exploration)).toEqual([
    'closed → open: call.failed',
    'halfOpen → closed: breaker.reset',
    'halfOpen → closed: call.succeeded',
    'halfOpen → open: call.failed',
    'halfOpen → open: trials.silenced',
    'open → closed: breaker.reset',
    'open → halfOpen: xstate.after.recoveryMs.breaker.open',
  ]);
});

it('admits no more than is free, and eras only grow, on every path', () => {
  for (const { before, after } of paths.flatMap(({ steps }) => steps)) {
    expect(after.context.era).toBeGreaterThanOrEqual(before.context.era);
    expect(admissible(after)).toBe(
      { closed: Number.POSITIVE_INFINITY, open: 0, halfOpen: 2 - after.context.trials }[after.value],
    );
  }
});

it('never loses a trial: those under way are those admitted and not answered', () => {
  for (const { steps } of paths) {
    let open = 0;
    for (const { before, event, after } of steps) {
      if (after.value !== 'halfOpen' || before.value !== 'halfOpen') open = 0;
      else if (event.type === 'call.admitted') open = Math.min(settings.trialCalls, open + 1);
      else if (event.type === 'call.succeeded' && 'era' in event && event.era === before.context.era)
        open = Math.max(0, open - 1);
      expect(after.context.trials).toBe(open);
    }
  }
});
