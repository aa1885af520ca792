/** One property for each invariant of pressure.machine.ts, over random series of measurements. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Live, live, T0 } from '../../tests/live.ts';
import { type PressureLevel, pressureLevels, pressureMachine } from './pressure.machine.ts';
import { pressureSettings } from './settings.ts';

const settings = pressureSettings({ settleMs: 1_000 });

interface Measurement {
  readonly value: number;
  /** Since the last one. */
  readonly afterMs: number;
}

/** Many of them near a threshold or the end of its gap, where the mistakes are. */
const value = fc.oneof(
  fc.double({ min: 0, max: 1.2, noNaN: true }),
  fc.constantFrom(0, 0.49, 0.5, 0.51, 0.6, 0.69, 0.7, 0.8, 0.84, 0.86, 0.95, 1),
);
const afterMs = fc.constantFrom(0, 1, 250, 999, 1_000, 5_000);
const series = fc.array(fc.record({ value, afterMs }), { maxLength: 40 });

const rank = (level: string) => pressureLevels.indexOf(level as PressureLevel);
const thresholds = [Number.NEGATIVE_INFINITY, settings.elevatedAt, settings.highAt, settings.criticalAt] as const;
const demanded = (measured: number) => thresholds.findLastIndex((threshold) => measured >= threshold);

const look = (pressure: Live<typeof pressureMachine>) => ({
  rank: rank(pressure.state()),
  context: pressure.context(),
});
type Look = ReturnType<typeof look>;

function always(
  measurements: fc.Arbitrary<Measurement[]>,
  check: (before: Look, after: Look, next: Measurement) => void,
) {
  fc.assert(
    fc.property(measurements, (given) => {
      const pressure = live(pressureMachine, { settings });
      for (const next of given) {
        const before = look(pressure);
        pressure.advance(next.afterMs);
        pressure.send({ type: 'pressure.measured', value: next.value, at: pressure.now() });
        check(before, look(pressure), next);
      }
    }),
  );
}

describe('pressure - invariants', () => {
  it('L1: a measurement at or above a threshold puts it there at once', () => {
    always(series, (before, after, next) => {
      expect(after.rank).toBeGreaterThanOrEqual(demanded(next.value));
      if (after.rank > before.rank) expect(after.rank).toBe(demanded(next.value));
    });
  });

  it('L2: it falls by one level at a time', () => {
    always(series, (before, after) => expect(after.rank).toBeGreaterThanOrEqual(before.rank - 1));
  });

  it('L3: it leaves a level exactly after settleMs of measurements below the gap', () => {
    let since: number | null = null;
    let now = T0;
    fc.assert(
      fc.property(series, (given) => {
        const pressure = live(pressureMachine, { settings });
        since = null;
        now = T0;
        for (const next of given) {
          const before = look(pressure);
          now += next.afterMs;
          pressure.send({ type: 'pressure.measured', value: next.value, at: now });
          const isCalm = before.rank > 0 && next.value < (thresholds[before.rank] ?? 0) - settings.gap;
          since = isCalm ? (since ?? now) : null;
          const falls = since !== null && now - since >= settings.settleMs;
          expect(look(pressure).rank < before.rank).toBe(falls);
          if (falls) since = null;
        }
      }),
    );
  });

  it('L4: between threshold and gap it keeps its level', () => {
    always(series, (before, after, next) => {
      const threshold = thresholds[before.rank] ?? 0;
      const next_ = thresholds[before.rank + 1] ?? Number.POSITIVE_INFINITY;
      if (next.value >= threshold - settings.gap && next.value < next_) expect(after.rank).toBe(before.rank);
    });
  });

  it('L5: an older measurement, or no number, changes nothing', () => {
    fc.assert(
      fc.property(series, value, fc.integer({ min: 1, max: 5_000 }), (given, late, byMs) => {
        const pressure = live(pressureMachine, { settings });
        for (const next of [...given, { value: 0.5, afterMs: 1 }]) {
          pressure.advance(next.afterMs);
          pressure.send({ type: 'pressure.measured', value: next.value, at: pressure.now() });
        }
        const before = look(pressure);
        pressure.send({ type: 'pressure.measured', value: late, at: pressure.now() - byMs });
        pressure.send({ type: 'pressure.measured', value: Number.NaN, at: pressure.now() });
        expect(look(pressure)).toEqual(before);
      }),
    );
  });

  it('L6: values within a band narrower than the gap never make it rise after it fell', () => {
    const band = fc.double({ min: 0, max: 1, noNaN: true }).chain((low) =>
      fc.array(fc.record({ value: fc.double({ min: low, max: low + 0.099, noNaN: true }), afterMs }), {
        maxLength: 60,
      }),
    );
    fc.assert(
      fc.property(series, band, (before, given) => {
        const pressure = live(pressureMachine, { settings });
        const take = (next: Measurement) => {
          pressure.advance(next.afterMs);
          pressure.send({ type: 'pressure.measured', value: next.value, at: pressure.now() });
          return rank(pressure.state());
        };
        for (const next of before) take(next);
        let last = rank(pressure.state());
        let fell = false;
        for (const next of given) {
          const now = take(next);
          if (fell) expect(now).toBeLessThanOrEqual(last);
          fell ||= now < last;
          last = now;
        }
      }),
    );
  });

  it('a restart changes nothing', () => {
    fc.assert(
      fc.property(series, fc.nat(40), (given, restartAfter) => {
        const [whole, broken] = [live(pressureMachine, { settings }), live(pressureMachine, { settings })];
        given.forEach((next, index) => {
          if (index === restartAfter) broken.restart({ mute: true });
          for (const pressure of [whole, broken]) {
            pressure.advance(next.afterMs);
            pressure.send({ type: 'pressure.measured', value: next.value, at: pressure.now() });
          }
        });
        expect(look(broken)).toEqual(look(whole));
      }),
    );
  });
});
