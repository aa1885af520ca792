/** One property for each invariant of processor.machine.ts, over random lives of a processor. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { impairmentsOf } from './figures.ts';
import { type BeatOptions, processorIn, startProcessor, type TestProcessor } from './processor.fixture.ts';

type Step =
  | { readonly do: 'beat'; readonly beat: BeatOptions }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'restart'; readonly goneMs: number }
  | { readonly do: 'measure'; readonly tasks: number }
  | { readonly do: Plain };

type Plain = 'register' | 'drain' | 'deregister' | 'leave' | 'return' | 'disconnect' | 'reconnect' | 'miss';

const simple = (...names: Plain[]) => fc.constantFrom(...names).map((name): Step => ({ do: name }));

const figures: fc.Arbitrary<BeatOptions> = fc.constantFrom(
  {},
  {},
  { failureShare: 0.45 },
  { failureShare: 0.9 },
  { blockedMs: 9_000 },
);
const beat = fc.record({ do: fc.constant('beat' as const), beat: figures });
/** An age at which it is not believed, or an epoch before. */
const unbelievable = fc.record({
  do: fc.constant('beat' as const),
  beat: fc.constantFrom<BeatOptions>({ ageMs: 2_000 }, { ageMs: 60_000 }, { ageMs: -1_001 }, { epoch: -1 }),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: beat },
  { weight: 1, arbitrary: unbelievable },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 500, 999, 1_000, 2_000, 9_000),
    }),
  },
  { weight: 2, arbitrary: simple('return', 'leave', 'register') },
  { weight: 1, arbitrary: simple('drain', 'deregister', 'miss') },
  { weight: 2, arbitrary: simple('disconnect', 'reconnect') },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('measure' as const), tasks: fc.constantFrom(0, 3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), goneMs: fc.constantFrom(0, 700, 5_000) }) },
);

function take(processor: TestProcessor, next: Step): unknown {
  const at = processor.now();
  switch (next.do) {
    case 'beat':
      return processor.beat({ epoch: processor.context().epoch + (next.beat.epoch ?? 0), ...withoutEpoch(next.beat) });
    case 'advance':
      return processor.advance(next.ms);
    case 'restart':
      return processor.restart(next);
    case 'measure':
      return processor.send({ type: 'queue.measured', tasks: next.tasks, at });
    case 'register':
      return processor.send({
        type: 'processor.registered',
        epoch: processor.context().epoch + 1,
        liveness: 'heartbeat',
        at,
      });
    case 'drain':
      return processor.send({ type: 'processor.drain', at });
    case 'deregister':
      return processor.send({ type: 'processor.deregister', at });
    case 'leave':
      return processor.send({ type: 'instances.left', at });
    case 'return':
      return processor.send({ type: 'queue.returned' });
    case 'disconnect':
      return processor.send({ type: 'broker.disconnected' });
    case 'reconnect':
      return processor.send({ type: 'broker.reconnected', at });
    case 'miss':
      return processor.send({ type: 'heartbeats.missed', at });
  }
}

function withoutEpoch({ epoch: _, ...others }: BeatOptions): BeatOptions {
  return others;
}

const look = (processor: TestProcessor) => ({
  state: processor.state(),
  context: processor.context(),
  visits: processor.visited.length,
  now: processor.now(),
});
type Look = ReturnType<typeof look>;

type Check = (processor: TestProcessor, next: Step, before: Look, calls: readonly string[]) => void;

/** Lives a random life and looks before and after each step. `calls` are the ports of the step. */
function always(check: Check, steps: fc.Arbitrary<Step> = step): void {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), (taken) => {
      const processor = startProcessor();
      processor.takeCalls();
      for (const next of taken) {
        const before = look(processor);
        take(processor, next);
        check(processor, next, before, processor.takeCalls());
      }
    }),
  );
}

/** A life in one piece: what a restart does to waits is P10. */
const unbroken = step.filter((next) => next.do !== 'restart');

const lives = (state: string) => state === 'ready' || state === 'degraded';
const entered = (processor: TestProcessor, before: Look) => processor.visited.slice(before.visits);

describe('processor - invariants', () => {
  it('P1: ready or degraded only while a believed heartbeat is younger than suspectMs', () => {
    always((processor) => {
      const { broker, sentAt, silentSince, settings } = processor.context();
      if (!lives(processor.state())) return;
      expect(sentAt).toBeGreaterThan(0);
      if (broker === 'here') expect(processor.now() - silentSince).toBeLessThanOrEqual(settings.suspectMs);
    });
  });

  it('P2: suspect after suspectMs of silence, lost after lostMs, and no other way to either', () => {
    always((processor, next, before) => {
      const { settings, silentSince, broker } = before.context;
      const silence = processor.now() - silentSince;
      const steps = entered(processor, before);
      if (steps.includes('suspect')) {
        expect(lives(before.state)).toBe(true);
        expect(silence).toBeGreaterThanOrEqual(settings.suspectMs);
      }
      const isWatched = broker === 'here' && (lives(before.state) || before.state === 'suspect');
      if (isWatched && next.do === 'advance') {
        const expected = silence >= settings.lostMs ? 'lost' : silence >= settings.suspectMs ? 'suspect' : before.state;
        expect(processor.state()).toBe(expected);
      }
    }, unbroken);
  });

  it('P3: silence while the broker is away, and for graceMs after, counts for nothing', () => {
    always((processor, _, before) => {
      if (before.context.broker === 'away' && before.state !== 'draining')
        expect(entered(processor, before).filter((state) => state === 'suspect' || state === 'lost')).toEqual([]);
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 0, max: 6_999 }), (outage, later) => {
        for (const state of ['ready', 'degraded', 'suspect'] as const) {
          const processor = processorIn(state);
          processor.send({ type: 'broker.disconnected' });
          processor.advance(outage);
          processor.send({ type: 'broker.reconnected', at: processor.now() });
          processor.advance(later);
          expect(processor.state()).toBe(state);
          expect(processor.takeCalls()).toEqual([]);
        }
      }),
    );
  });

  it('P4: an unbelievable heartbeat changes nothing', () => {
    always((processor, next, before) => {
      if (next.do !== 'beat') return;
      const { ageMs = 0, epoch = 0 } = next.beat;
      const isBelieved = ageMs === 0 && epoch === 0 && before.now > before.context.sentAt;
      if (!isBelieved) expect(look(processor)).toEqual(before);
    });
  });

  it('P5: a loss announces and returns once, and is over only after queue.returned', () => {
    always((processor, next, before, calls) => {
      if (next.do === 'restart') return;
      const losses = entered(processor, before).filter((state) => state === 'lost').length;
      expect(calls.filter((port) => port === 'announceLost')).toHaveLength(losses);
      if (losses > 0) expect(calls).toContain('returnQueue');
      if (before.state !== 'lost' || processor.state() === 'lost') return;
      expect(before.context.queue === 'returned' || next.do === 'return').toBe(true);
      if (processor.state() === 'registered') expect(calls).toEqual(['provisionQueue']);
    });
  });

  it('P6: degraded while a figure is above its bound, until all are at most recoveredShare of it', () => {
    always((processor, next, before) => {
      const isBelieved = next.do === 'beat' && processor.context().sentAt > before.context.sentAt;
      if (!isBelieved || !(lives(before.state) || before.state === 'suspect')) return;
      const { settings } = before.context;
      const share = before.state === 'degraded' ? settings.recoveredShare : 1;
      const isImpaired = impairmentsOf(next.beat, settings, share).length > 0;
      expect(processor.state()).toBe(isImpaired ? 'degraded' : 'ready');
      expect(processor.context().impairments.length > 0).toBe(isImpaired);
    });
  });

  it('P7: draining ends in removed, by way of lost at most; only registering anew brings it back', () => {
    always((processor, next, before) => {
      if (before.state !== 'draining') return;
      expect(['draining', 'lost', 'removed', 'registered']).toContain(processor.state());
      if (processor.state() === 'registered')
        expect(next.do === 'register' || before.context.intent === 'stay').toBe(true);
    });
    always((processor, next, before) => {
      if (before.context.intent === 'stay' || next.do === 'register') return;
      expect(['draining', 'lost', 'removed']).toContain(processor.state());
    });
  });

  it('P8: removed only when empty and left, or returned; then for good', () => {
    always((processor, next, before, calls) => {
      if (before.state === 'removed') {
        expect(processor.state()).toBe('removed');
        expect(calls).toEqual(next.do === 'restart' ? ['removeQueue'] : []);
        return;
      }
      if (processor.state() !== 'removed') return;
      expect(before.context.intent === 'leave' || before.context.queue === 'returned').toBe(true);
      const { tasks, instances } = processor.context();
      const isDrained = tasks === 0 && instances === 0;
      expect(next.do === 'return' || before.context.queue === 'returned' || isDrained).toBe(true);
      expect(calls.at(-1)).toBe('removeQueue');
    });
  });

  it('P9: a queue without instances waits returnMs for new ones, then it is lost', () => {
    fc.assert(
      fc.property(fc.constantFrom(null, 0, 3), fc.integer({ min: 0, max: 20_000 }), (tasks, ms) => {
        const processor = processorIn('ready');
        processor.send({ type: 'instances.left', at: processor.now() });
        if (tasks !== null) processor.send({ type: 'queue.measured', tasks, at: processor.now() });
        processor.advance(ms);
        expect(processor.state()).toBe(tasks !== 0 && ms >= 10_000 ? 'lost' : 'registered');
      }),
    );
  });

  it('P10: after a restart a wait has what was left of it', () => {
    const states = ['registered', 'ready', 'degraded', 'suspect', 'draining'] as const;
    const gap = fc.integer({ min: 0, max: 400 });
    fc.assert(
      fc.property(fc.constantFrom(...states), fc.array(fc.tuple(gap, gap), { maxLength: 5 }), (state, restarts) => {
        const [whole, broken] = [processorIn(state), processorIn(state)];
        for (const processor of [whole, broken])
          processor.send({ type: 'queue.measured', tasks: 3, at: processor.now() });
        for (const [aliveMs, goneMs] of restarts) {
          whole.advance(aliveMs);
          broken.advance(aliveMs);
          const was = whole.state();
          whole.advance(goneMs);
          broken.restart({ goneMs });
          // What became due while it was gone is another matter.
          if (whole.state() !== was) return;
        }
        for (let ms = 0; ms < 70_000; ms += 997) {
          expect([broken.state(), ms]).toEqual([whole.state(), ms]);
          for (const processor of [whole, broken]) processor.advance(997);
        }
      }),
    );
  });

  it('P10: however long a restart took, it is suspect under watch before it is lost', () => {
    fc.assert(
      fc.property(fc.constantFrom('ready', 'degraded'), fc.integer({ min: 2_000, max: 100_000 }), (state, goneMs) => {
        const processor = processorIn(state);
        processor.restart({ goneMs });
        expect(processor.state()).toBe('suspect');
        processor.advance(999);
        expect(processor.state()).toBe('suspect');
        processor.advance(1);
        expect(processor.state()).toBe('lost');
      }),
    );
  });
});
