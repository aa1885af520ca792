import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IndexedHeap } from './indexed-heap.ts';

const CAPACITY = 25;
const step = fc.record({
  slot: fc.nat(CAPACITY - 1),
  key: fc.nat(4),
  action: fc.constantFrom('set' as const, 'last' as const, 'remove' as const),
});

test('the smallest key is on top, of equals the one that has waited longest, after any changes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const heap = new IndexedHeap(CAPACITY);
      const model = new Map<number, number>();
      const turns = new Map<number, number>();
      for (const [turn, { slot, key, action }] of steps.entries()) {
        if (action === 'remove') {
          heap.remove(slot);
          model.delete(slot);
        } else {
          heap.set(slot, key, action === 'last');
          model.set(slot, key);
          if (action === 'last') turns.set(slot, turn + 1);
        }
        expect(heap.size).toBe(model.size);
        const turnOf = (one: number) => turns.get(one) ?? 0;
        const [best] = [...model].sort(([a, x], [b, y]) => x - y || turnOf(a) - turnOf(b));
        if (best === undefined) expect(heap.top).toBe(-1);
        else {
          expect(heap.has(heap.top)).toBe(true);
          expect([model.get(heap.top), turnOf(heap.top)]).toEqual([best[1], turnOf(best[0])]);
        }
      }
    }),
  );
});
