import { STRATEGIES } from '@frame-buffer/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CreditWatcher } from '../credit/credit.ts';
import { Broadcast } from './broadcast.ts';
import { candidate, candidates, place, placeIdle, spread } from './candidates.fixture.ts';
import { createStrategy } from './create.ts';
import { LeastLoaded } from './least-loaded.ts';
import { Priority } from './priority.ts';
import { RoundRobin } from './round-robin.ts';
import { Sticky } from './sticky.ts';
import { NONE, RECHECK_MS, roomOf } from './strategy.ts';
import { Weighted } from './weighted.ts';

const cameras = Array.from({ length: 40 }, (_, i) => `cam-${i}`);

describe('every strategy', () => {
  const happening = fc.record({
    what: fc.constantFrom('place', 'place', 'place', 'settle', 'refuse', 'correct', 'wait'),
    who: fc.nat(6),
    tasks: fc.integer({ min: 1, max: 9 }),
    camera: fc.constantFrom(...cameras),
  });

  test.each(STRATEGIES)('%s: S1 picks nobody without room, S2 somebody while anybody has room', (name) => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 150 }), (happenings) => {
        const all = candidates(7, { concurrency: 2, maxQueue: 6 });
        const strategy = createStrategy(name, all, { weights: { p1: 3 }, priorities: { p2: 1, p5: -1 } });
        let nowMs = 0;
        for (const { what, who, tasks, camera } of happenings) {
          const credit = all[who]?.credit;
          if (what === 'settle') credit?.settled(tasks, tasks, tasks * 3, nowMs);
          if (what === 'refuse') credit?.refused(nowMs);
          if (what === 'correct') credit?.correctToEmpty();
          if (what === 'wait') nowMs += 40 * tasks;
          if (what !== 'place') continue;
          const slot = strategy.pick(camera, nowMs);
          const picked = strategy.candidates[slot];
          if (picked !== undefined) {
            expect(roomOf(picked, nowMs)).toBeGreaterThan(0);
            expect(strategy.joins(camera, slot)).toBe(true);
            strategy.placed(slot, 1);
            picked.credit.dispatched(1);
          } else if (name !== 'sticky') {
            // Room that has come with time alone is seen with the next look around.
            nowMs += RECHECK_MS;
            const anybody = strategy.candidates.some((one) => roomOf(one, nowMs) > 0);
            expect(strategy.pick(camera, nowMs) !== NONE).toBe(anybody);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test.each(STRATEGIES)(
    '%s: nobody is sent everything while all are idle, as long as there are many cameras',
    (name) => {
      const counts = placeIdle(createStrategy(name, candidates(4)), 4000, (i) => `cam-${i}`);
      expect(Math.min(...counts.values())).toBeGreaterThan(800);
    },
  );

  test.each(STRATEGIES)('%s: S2 finds room that came with time alone', (name) => {
    const [only] = candidates(1);
    const strategy = createStrategy(name, only === undefined ? [] : [only]);
    only?.credit.refused(0);
    expect(strategy.pick('door', 240)).toBe(NONE);
    expect(strategy.pick('door', 250 + RECHECK_MS)).toBe(0);
  });

  test.each(STRATEGIES)('%s: watches no credit any more once it is stopped', (name) => {
    const watchers = new Set<CreditWatcher>();
    const all = candidates(3);
    for (const { credit } of all) {
      credit.watch = (watcher) => watchers.add(watcher);
      credit.unwatch = (watcher) => watchers.delete(watcher);
    }
    const strategy = createStrategy(name, all);
    expect(watchers.size).toBe(name === 'sticky' ? 0 : 1);
    strategy.stop();
    expect(watchers.size).toBe(0);
  });
});

describe('least-loaded', () => {
  test('equal processors share evenly, idle or not, although no two measurements are equal', () => {
    for (const count of [2, 7, 100]) {
      const all = candidates(count);
      for (const [i, { credit }] of all.entries()) {
        for (let k = 0; k < 30; k++) credit.settled(1, 0, 10 + ((i * 7 + k) % 5) / 10, 0);
      }
      expect(spread(placeIdle(new LeastLoaded(all), count * 50))).toBeLessThanOrEqual(1);
    }
  });

  test('always picks the one with the shortest wait among those with room', () => {
    const event = fc.record({ who: fc.nat(4), tasks: fc.integer({ min: 1, max: 6 }), settles: fc.boolean() });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const all = [1, 2, 3, 4, 5].map((concurrency) => candidate(`p${concurrency}`, { concurrency }));
        const strategy = new LeastLoaded(all);
        for (const { who, tasks, settles } of events) {
          if (settles) all[who]?.credit.settled(tasks, tasks, (who + 1) * tasks * 2, 0);
          const waits = all
            .filter((one) => roomOf(one, 0) > 0)
            .map(({ credit, concurrency }) => credit.expectedWaitMs(concurrency));
          const slot = strategy.pick('door', 0);
          const picked = all[slot];
          expect(picked?.credit.expectedWaitMs(picked.concurrency)).toBe(
            waits.length === 0 ? undefined : Math.min(...waits),
          );
          if (picked === undefined) continue;
          strategy.placed(slot);
          picked.credit.dispatched(1);
        }
      }),
    );
  });

  test('a fast processor gets as many more as it is faster', () => {
    const all = candidates(2, { concurrency: 50 });
    for (let i = 0; i < 50; i++) {
      all[0]?.credit.settled(1, 0, 40, 0);
      all[1]?.credit.settled(1, 0, 10, 0);
    }
    const strategy = new LeastLoaded(all);
    for (let i = 0; i < 50; i++) place(strategy);
    expect(all.map(({ credit }) => credit.outstanding)).toEqual([10, 40]);
  });
});

describe('round-robin', () => {
  test('is even within 1, whatever the loads', () => {
    for (const [count, times] of [
      [3, 100],
      [64, 1000],
      [100, 12_345],
    ] as const) {
      const all = candidates(count);
      all[0]?.credit.settled(10, 0, 9_999, 0);
      expect(spread(placeIdle(new RoundRobin(all), times))).toBeLessThanOrEqual(1);
    }
  });

  test('passes over the full and comes back to them when they have room', () => {
    const all = candidates(3);
    all[1]?.credit.dispatched(100);
    const strategy = new RoundRobin(all);
    expect([0, 1, 2].map(() => place(strategy))).toEqual(['p0', 'p2', 'p0']);
    all[1]?.credit.returned(100);
    expect([0, 1].map(() => place(strategy))).toEqual(['p1', 'p2']);
  });
});

describe('weighted', () => {
  test('is within 2 % of its weights over 100,000 decisions', () => {
    const weights = { p0: 1, p1: 2, p2: 3.5, p3: 0, p4: 10, p5: 0.5, p6: 1, p7: 7 };
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    const strategy = new Weighted(candidates(8), weights);
    const counts = placeIdle(strategy, 100_000);
    expect(counts.has('p3')).toBe(false);
    for (const [name, count] of counts) {
      const share = weights[name as keyof typeof weights] / total;
      expect(Math.abs(count - share * 100_000)).toBeLessThanOrEqual(Math.max(1.5, 0.02 * share * 100_000));
    }
  });

  test('is smooth: the heavy one is not sent its share in a bunch', () => {
    const all = candidates(3);
    const strategy = new Weighted(all, { p0: 4, p1: 2, p2: 1 });
    const names = Array.from({ length: 70 }, () => {
      const name = place(strategy);
      for (const { credit } of all) credit.correctToEmpty();
      return name;
    });
    for (let i = 0; i + 7 <= names.length; i++) {
      const count = (wanted: string) => names.slice(i, i + 7).filter((name) => name === wanted).length;
      expect([count('p0'), count('p1'), count('p2')]).toEqual([4, 2, 1]);
    }
  });

  test('a processor out of a jam gets its share and not what it has missed', () => {
    const all = candidates(2, { concurrency: 1000 });
    const strategy = new Weighted(all);
    all[0]?.credit.dispatched(2000);
    for (let i = 0; i < 500; i++) place(strategy);
    all[0]?.credit.correctToEmpty();
    all[1]?.credit.correctToEmpty();
    const names = Array.from({ length: 100 }, () => place(strategy));
    expect(names.filter((name) => name === 'p0').length).toBeLessThanOrEqual(52);
  });

  test('shares go on when the pool is made anew', () => {
    let strategy: Weighted | undefined;
    const counts = new Map<string, number>();
    for (let i = 0; i < 110; i++) {
      strategy = new Weighted(candidates(2), { p0: 10, p1: 1 }, strategy);
      const name = place(strategy) ?? '';
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(counts.get('p1')).toBeGreaterThanOrEqual(8);
    expect(counts.get('p1')).toBeLessThanOrEqual(12);
  });
});

describe('sticky', () => {
  test('a camera stays with its processor, and waits for it when it is full', () => {
    const all = candidates(5);
    const strategy = new Sticky(all);
    for (const camera of cameras) {
      const slot = strategy.pick(camera, 0);
      expect(strategy.pick(camera, 0)).toBe(slot);
      all[slot]?.credit.dispatched(100);
      expect(strategy.pick(camera, 0)).toBe(NONE);
      all[slot]?.credit.correctToEmpty();
    }
  });

  test('frames of cameras elsewhere do not go along', () => {
    const strategy = new Sticky(candidates(5));
    const slot = strategy.pick('cam-0', 0);
    expect(cameras.filter((camera) => strategy.joins(camera, slot)).sort()).toEqual(
      cameras.filter((camera) => strategy.pick(camera, 0) === slot).sort(),
    );
  });

  test('more cameras than are remembered', () => {
    const strategy = new Sticky(candidates(3));
    const first = strategy.pick('cam-0', 0);
    for (let i = 0; i < 70_000; i++) strategy.pick(`cam-${i}`, 0);
    expect(strategy.pick('cam-0', 0)).toBe(first);
  });
});

describe('priority', () => {
  test('the highest first, in turns among equals; the next only when those are full', () => {
    const all = candidates(4, { maxQueue: 2 });
    const strategy = new Priority(all, { p1: 5, p3: 5, p0: -1 });
    expect(Array.from({ length: 9 }, () => place(strategy))).toEqual([
      ...['p1', 'p3', 'p1', 'p3'],
      ...['p2', 'p2'],
      ...['p0', 'p0'],
      undefined,
    ]);
    all[3]?.credit.returned(1);
    expect(place(strategy)).toBe('p3');
  });
});

describe('broadcast', () => {
  test('everybody gets what fits', () => {
    const all = [candidate('a', { maxBatch: 3 }), candidate('b', { concurrency: 4 }), candidate('c')];
    all[2]?.credit.dispatched(2);
    expect([...new Broadcast(all).shares(5, 0)]).toEqual([2, 5, 0]);
  });
});
