/** One property for each invariant of health.machine.ts, over random series of results. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Live, live } from '../../tests/live.ts';
import { type CheckLevel, checkLevels, worstLevel } from './checks.ts';
import { healthMachine } from './health.machine.ts';

const settings = { worseAfter: 2, betterAfter: 3, staleMs: 1_000 };

type Step =
  | {
      readonly do: 'complete';
      readonly check: string;
      readonly result: (typeof checkLevels)[number];
      readonly lateMs: number;
    }
  | { readonly do: 'remove'; readonly check: string }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'restart'; readonly goneMs: number };

const check = fc.constantFrom('a', 'b');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('complete'),
      check,
      result: fc.constantFrom(...checkLevels),
      lateMs: fc.constantFrom(0, 0, 0, 1, 700),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove'), check }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.constantFrom(1, 300, 999, 1_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart'), goneMs: fc.constantFrom(0, 400) }) },
);

type Health = Live<typeof healthMachine>;

function take(health: Health, next: Step): unknown {
  switch (next.do) {
    case 'complete':
      return health.send({
        type: 'check.completed',
        check: next.check,
        result: next.result,
        at: health.now() - next.lateMs,
      });
    case 'remove':
      return health.send({ type: 'check.removed', check: next.check });
    case 'advance':
      return health.advance(next.ms);
    case 'restart':
      return health.restart(next);
  }
}

const look = (health: Health) => ({ state: health.state(), context: health.context() });

function always(verify: (health: Health, next: Step, before: ReturnType<typeof look>) => void): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const health = live(healthMachine, { settings });
      for (const next of steps) {
        const before = look(health);
        take(health, next);
        verify(health, next, before);
      }
    }),
  );
}

describe('health - invariants', () => {
  it('H1: unknown exactly when no check is known, and none is after staleMs of silence', () => {
    always((health, next, before) => {
      expect(health.state() === 'unknown').toBe(Object.keys(health.context().checks).length === 0);
      if (next.do === 'advance' && next.ms >= settings.staleMs) expect(health.state()).toBe('unknown');
      const isShort = next.do === 'advance' && health.now() - before.context.at < settings.staleMs;
      if (isShort) expect(look(health)).toEqual(before);
    });
  });

  it('H2: otherwise the worst level among its checks', () => {
    always((health) => expect(health.state()).toBe(worstLevel(health.context().checks) ?? 'unknown'));
  });

  it('H3: enough results in a row move a check, and fewer do not', () => {
    const bad = (level: string | undefined) => checkLevels.indexOf(level as CheckLevel);
    always((health, next, before) => {
      if (next.do !== 'complete') return;
      const known = before.context.checks[next.check];
      const now = health.context().checks[next.check];
      if (known === undefined) expect(now).toMatchObject({ level: next.result, streak: 0 });
      if (known === undefined || now?.level === known.level) return;
      const isWorse = bad(now?.level) > bad(known.level);
      expect(Math.abs(known.streak) + 1).toBe(isWorse ? settings.worseAfter : settings.betterAfter);
      expect(known.streak > 0).toBe(isWorse);
    });
  });

  it('H4: a result older than the check’s last one changes nothing', () => {
    always((health, next, before) => {
      const known = next.do === 'complete' ? before.context.checks[next.check] : undefined;
      if (next.do !== 'complete' || known === undefined) return;
      if (health.now() - next.lateMs < known.at) expect(look(health)).toEqual(before);
      else expect(health.context().checks[next.check]?.at).toBe(health.now() - next.lateMs);
    });
  });

  it('H5: a restart neither lengthens nor shortens the time until silence makes it unknown', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 }), (gones) => {
        const health = live(healthMachine, { settings });
        health.send({ type: 'check.completed', check: 'a', result: 'ok', at: health.now() });
        const until = health.now() + settings.staleMs;
        for (const goneMs of gones) {
          if (health.now() + 50 + goneMs >= until) break;
          health.advance(50);
          health.restart({ goneMs });
        }
        health.advance(until - health.now() - 1);
        expect(health.state()).toBe('ok');
        health.advance(1);
        expect(health.state()).toBe('unknown');
      }),
    );
  });
});
