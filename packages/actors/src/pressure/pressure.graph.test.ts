/** Every state of a pressure machine whose measurements come in whole settling times. */
import { expect, it } from 'vitest';
import { changesOf, type Exploration, explore } from '../../tests/explore.ts';
import { type PressureSnapshot, pressureLevels, pressureMachine } from './pressure.machine.ts';

const settings = { settleMs: 1 };

const exploration: Exploration<typeof pressureMachine> = {
  input: { settings },
  events: ({ context }: PressureSnapshot) =>
    [0, 0.55, 0.65, 0.75, 0.87, 1, Number.NaN].map((value) => ({
      type: 'pressure.measured',
      value,
      at: (context.at ?? 0) + 1,
    })),
  isFarEnough: ({ context }) => (context.at ?? 0) >= 6,
  limit: 20_000,
};

const paths = explore(pressureMachine, exploration);

it('reaches every level', () => {
  expect(new Set(paths.map(({ end }) => end.value))).toEqual(new Set(pressureLevels));
});

it('rises by any number of levels and falls by one', () => {
  expect(changesOf(pressureMachine, exploration)).toEqual(
    [
      'normal → elevated',
      'normal → high',
      'normal → critical',
      'elevated → high',
      'elevated → critical',
      'high → critical',
      'critical → high',
      'high → elevated',
      'elevated → normal',
    ]
      .map((change) => `${change}: pressure.measured`)
      .sort(),
  );
});

it('is never below what was measured, on every path', () => {
  for (const { before, event, after } of paths.flatMap(({ steps }) => steps)) {
    if (!('value' in event) || Number.isNaN(event.value)) {
      expect(after.context).toEqual(before.context);
      continue;
    }
    expect(after.context.value).toBe(event.value);
    const levels: readonly string[] = pressureLevels.slice([0.6, 0.8, 0.95].filter((at) => event.value >= at).length);
    expect(levels).toContain(after.value);
    if (before.value !== after.value) expect(after.context.calmSince).toBe(null);
  }
});
