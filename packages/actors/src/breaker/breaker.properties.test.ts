/** One property for each invariant of breaker.machine.ts, over random lives of a breaker. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Live, live } from '../../tests/live.ts';
import { admissible, breakerMachine } from './breaker.machine.ts';

const settings = { failuresToOpen: 3, recoveryMs: 1_000, trialCalls: 2, successesToClose: 3, trialMs: 700 };

type Breaker = Live<typeof breakerMachine>;

type Step =
  | { readonly do: 'admit'; readonly count: number }
  | { readonly do: 'succeed' | 'fail'; readonly count: number; readonly back: number | undefined }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'restart'; readonly goneMs: number }
  | { readonly do: 'reset' };

const count = fc.integer({ min: 1, max: 4 });
/** How many eras ago the call was admitted; mostly in the present one. */
const back = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.constantFrom(undefined, 1, 2));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('admit'), count }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('succeed', 'fail'), count, back }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.constantFrom(1, 350, 699, 700, 999, 1_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart'), goneMs: fc.constantFrom(0, 500, 2_000) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'reset' }) },
);

function take(breaker: Breaker, next: Step): unknown {
  const at = breaker.now();
  const era = (steps: number | undefined) => (steps === undefined ? {} : { era: breaker.context().era - steps });
  switch (next.do) {
    case 'admit':
      return breaker.send({ type: 'call.admitted', count: next.count, at });
    case 'succeed':
      return breaker.send({ type: 'call.succeeded', count: next.count, ...era(next.back) });
    case 'fail':
      return breaker.send({ type: 'call.failed', count: next.count, at, ...era(next.back) });
    case 'advance':
      return breaker.advance(next.ms);
    case 'restart':
      return breaker.restart(next);
    case 'reset':
      return breaker.send({ type: 'breaker.reset' });
  }
}

const look = (breaker: Breaker) => ({ state: breaker.state(), context: breaker.context(), now: breaker.now() });

/** Lives a random life and looks before and after each step. */
function always(check: (breaker: Breaker, next: Step, before: ReturnType<typeof look>) => void): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const breaker = live(breakerMachine, { settings });
      for (const next of steps) {
        const before = look(breaker);
        take(breaker, next);
        check(breaker, next, before);
      }
    }),
  );
}

describe('breaker - invariants', () => {
  it('B1: while open, only recoveryMs or breaker.reset changes anything', () => {
    always((breaker, next, before) => {
      if (before.state !== 'open') return;
      if (next.do === 'admit' || next.do === 'succeed' || next.do === 'fail') {
        expect(look(breaker)).toEqual(before);
        expect(admissible(breaker.actor.getSnapshot())).toBe(0);
      }
      if (breaker.state() === 'closed') expect(next.do).toBe('reset');
      if (next.do !== 'advance') return;
      const isOver = breaker.now() - before.context.openedAt >= settings.recoveryMs;
      expect(breaker.state()).toBe(isOver ? 'halfOpen' : 'open');
    });
  });

  it('B2: at most trialCalls are under way', () => {
    always((breaker) => {
      const { trials } = breaker.context();
      expect(trials).toBeGreaterThanOrEqual(0);
      expect(trials).toBeLessThanOrEqual(settings.trialCalls);
      if (breaker.state() === 'halfOpen')
        expect(trials + admissible(breaker.actor.getSnapshot())).toBe(settings.trialCalls);
    });
  });

  it('B3: only successesToClose successful trials in a row close it; one failed trial reopens it', () => {
    always((breaker, next, before) => {
      if (before.state !== 'halfOpen' || next.do === 'reset') return;
      const { trials, successes } = before.context;
      const isTrial = (next.do === 'succeed' || next.do === 'fail') && next.back === 0 && trials > 0;
      if (next.do === 'fail') expect(breaker.state()).toBe(isTrial ? 'open' : 'halfOpen');
      const proofs = next.do === 'succeed' && isTrial ? Math.min(next.count, trials) : 0;
      expect(breaker.state() === 'closed').toBe(successes + proofs >= settings.successesToClose);
    });
  });

  it('B4: failuresToOpen failures in a row open it at once', () => {
    let inARow = 0;
    always((breaker, next, before) => {
      if (before.state !== 'closed') return;
      inARow = before.context.failures;
      const counts = (next.do === 'fail' || next.do === 'succeed') && (next.back === 0 || next.back === undefined);
      if (counts) inARow = next.do === 'fail' ? inARow + next.count : 0;
      if (next.do === 'reset') inARow = 0;
      expect(breaker.state()).toBe(inARow >= settings.failuresToOpen ? 'open' : 'closed');
      if (breaker.state() === 'closed') expect(breaker.context().failures).toBe(inARow);
    });
  });

  it('B5: a result of an earlier era changes nothing', () => {
    always((breaker, next, before) => {
      if ((next.do === 'succeed' || next.do === 'fail') && next.back !== undefined && next.back > 0)
        expect(look(breaker)).toEqual(before);
    });
  });

  it('B6: trials that say nothing for trialMs have failed', () => {
    always((breaker, next, before) => {
      if (before.state !== 'halfOpen' || next.do !== 'advance') return;
      const { trials, triedAt } = before.context;
      const isSilent = trials > 0 && breaker.now() - triedAt >= settings.trialMs;
      expect(breaker.state()).toBe(isSilent ? 'open' : 'halfOpen');
      if (isSilent) expect(breaker.context().openedAt).toBe(triedAt + settings.trialMs);
    });
  });

  it('B7: breaker.reset closes it and forgets', () => {
    always((breaker, next) => {
      if (next.do !== 'reset') return;
      expect(breaker.state()).toBe('closed');
      expect(breaker.context()).toMatchObject({ failures: 0, successes: 0, trials: 0 });
    });
  });

  it('B8: a restart neither lengthens nor shortens the time that it stays open', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 }), (gones) => {
        const breaker = live(breakerMachine, { settings });
        breaker.send({ type: 'call.failed', count: 3, at: breaker.now() });
        const openedAt = breaker.now();
        for (const goneMs of gones) {
          breaker.advance(50);
          breaker.restart({ goneMs });
        }
        const left = Math.max(0, openedAt + settings.recoveryMs - breaker.now());
        if (left > 0) {
          breaker.advance(left - 1);
          expect(breaker.state()).toBe('open');
        }
        breaker.advance(1);
        expect(breaker.state()).toBe('halfOpen');
      }),
    );
  });
});
