import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UrgencyQueue } from './urgency-queue.ts';

const life = fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 20 }));
const step = fc.oneof(
  fc.record({ add: life }),
  fc.constant({ shift: true as const }),
  fc.record({ remove: fc.integer({ min: 2, max: 5 }) }),
);

test('U1, U2 whatever happens, it gives what a sorted list would give', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new UrgencyQueue<number>();
      const model: { item: number; endsAt: number }[] = [];
      let next = 0;
      for (const one of steps) {
        if ('add' in one) {
          model.push({ item: next, endsAt: one.add });
          queue.add(next++, 0, one.add);
        } else if ('remove' in one) {
          const matches = (item: number) => item % one.remove === 0;
          const removed = model.filter(({ item }) => matches(item));
          for (const gone of removed) model.splice(model.indexOf(gone), 1);
          expect(queue.remove(matches)).toEqual(removed.map(({ item }) => item));
        } else {
          const [first] = model.toSorted((a, b) => (a.endsAt === b.endsAt ? a.item - b.item : a.endsAt - b.endsAt));
          expect(queue.head?.item).toBe(first?.item);
          expect(queue.shift()?.item).toBe(first?.item);
          if (first !== undefined) model.splice(model.indexOf(first), 1);
        }
        expect(queue.size).toBe(model.length);
      }
    }),
    { numRuns: 300 },
  );
});

test('what has left knows it', () => {
  const queue = new UrgencyQueue<string>();
  const [a, b, c] = [queue.add('a', 0, 5), queue.add('b', 0, Infinity), queue.add('c', 0, Infinity)];
  queue.shift();
  queue.remove((item) => item === 'c');
  expect([a.isGone, b.isGone, c.isGone]).toEqual([true, false, true]);
});

test('a long queue that is never empty keeps its order', () => {
  const queue = new UrgencyQueue<number>();
  const out: (number | undefined)[] = [];
  for (let i = 0; i < 10_000; i++) {
    queue.add(i, 0, Infinity);
    if (i >= 100) out.push(queue.shift()?.item);
  }
  expect(out).toEqual(Array.from({ length: 9_900 }, (_, i) => i));
  expect(queue.size).toBe(100);
});
