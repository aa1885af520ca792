import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProcessorCredit } from './credit.ts';

const limits = { concurrency: 4, maxQueue: 1000, peers: 1 };

describe('credit', () => {
  test('K1 - outstanding is dispatched minus settled and never below zero', () => {
    const steps = fc.array(fc.record({ dispatched: fc.nat(50), own: fc.nat(50), other: fc.nat(50) }));
    fc.assert(
      fc.property(steps, (all) => {
        const credit = new ProcessorCredit(0);
        let model = 0;
        let now = 0;
        for (const { dispatched, own, other } of all) {
          now += 10;
          credit.dispatched(dispatched);
          credit.settled(own + other, own, 1, now);
          model = Math.max(0, model + dispatched - own);
          expect(credit.outstanding).toBe(model);
          expect(credit.room(limits, now)).toBe(Math.max(0, credit.window(limits, now) - model));
        }
      }),
    );
  });

  test('K2 - the window starts at two rounds of the concurrency and is shared among orchestrators', () => {
    const credit = new ProcessorCredit(0);
    expect(credit.window(limits, 0)).toBe(8);
    expect(credit.window({ ...limits, peers: 3 }, 0)).toBe(3);
    expect(credit.window({ ...limits, maxQueue: 5 }, 0)).toBe(5);
  });

  test('K2 - the window follows the rate up at once and down within seconds, bounded by maxQueue', () => {
    const credit = new ProcessorCredit(0);
    for (let now = 10; now <= 1000; now += 10) credit.settled(10, 10, 1, now);
    expect(credit.ratePerSecond(1000)).toBeGreaterThan(900);
    expect(credit.window(limits, 1000)).toBeGreaterThan(450);
    expect(credit.window({ ...limits, maxQueue: 100 }, 1000)).toBe(100);
    for (let now = 1250; now <= 8000; now += 250) credit.window(limits, now);
    expect(credit.window(limits, 8000)).toBe(8);
  });

  test('K3 - a refusal closes the room until something is settled, or for a moment', () => {
    const credit = new ProcessorCredit(0);
    credit.refused(100);
    expect(credit.room(limits, 101)).toBe(0);
    credit.settled(1, 0, 1, 102);
    expect(credit.room(limits, 103)).toBe(8);
    credit.refused(200);
    expect(credit.room(limits, 449)).toBe(0);
    expect(credit.room(limits, 451)).toBe(8);
  });

  test('K5 - a limit bounds the window, and is not shared', () => {
    const credit = new ProcessorCredit(0);
    credit.dispatched(2);
    credit.limit(3);
    expect(credit.room({ ...limits, peers: 2 }, 0)).toBe(1);
    credit.limit(0);
    expect(credit.room(limits, 0)).toBe(0);
    credit.limit(Number.POSITIVE_INFINITY);
    expect(credit.room(limits, 0)).toBe(6);
  });

  test('K4 - whoever watches is told of every change, until it watches no more', () => {
    const credit = new ProcessorCredit(0);
    const told: number[] = [];
    const watcher = { creditChanged: (slot: number) => told.push(slot) };
    credit.watch(watcher, 7);
    credit.watch({ creditChanged: () => {} }, 1);
    credit.dispatched(3);
    credit.returned(1);
    credit.settled(1, 1, 5, 10);
    credit.correctToEmpty();
    expect(told).toEqual([7, 7, 7, 7]);
    credit.unwatch(watcher);
    credit.dispatched(1);
    expect(told).toHaveLength(4);
  });

  test('the expected wait grows with what is outstanding and is the same for nearly equal processors', () => {
    const [one, other] = [new ProcessorCredit(0), new ProcessorCredit(0)];
    for (let i = 0; i < 50; i++) {
      one.settled(1, 0, 10, 0);
      other.settled(1, 0, 10.3, 0);
    }
    expect(one.serviceMs).not.toBe(other.serviceMs);
    expect(one.expectedWaitMs(2)).toBe(other.expectedWaitMs(2));
    one.dispatched(3);
    expect(one.expectedWaitMs(2) / other.expectedWaitMs(2)).toBe(4);
    expect(one.expectedWaitMs(1) / one.expectedWaitMs(4)).toBe(4);
  });

  test('the service time of one frame is smoothed over settlements', () => {
    const credit = new ProcessorCredit(0);
    for (let now = 1; now <= 100; now++) credit.settled(5, 5, 500, now);
    expect(credit.serviceMs).toBeCloseTo(100, 0);
  });
});
