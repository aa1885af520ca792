import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BoundedBuffer } from './bounded-buffer.ts';

describe('bounded buffer', () => {
  test('F1 F2 F3 - whatever is pushed and shifted, bounds hold, order holds and everything is accounted for', () => {
    const operations = fc.array(
      fc.oneof(fc.record({ push: fc.integer({ min: 0, max: 50 }) }), fc.constant('shift' as const)),
      {
        maxLength: 3000,
      },
    );
    const policy = fc.constantFrom('drop-oldest' as const, 'drop-newest' as const);
    fc.assert(
      fc.property(operations, policy, (steps, overflow) => {
        const buffer = new BoundedBuffer<{ id: number; bytes: number }>({
          maxItems: 7,
          maxBytes: 100,
          policy: overflow,
        });
        let next = 0;
        let inside: number[] = [];
        let bytesInside = 0;
        for (const step of steps) {
          if (step === 'shift') {
            const item = buffer.shift();
            expect(item?.id).toBe(inside.shift());
            bytesInside -= item?.bytes ?? 0;
          } else {
            const item = { id: next++, bytes: step.push };
            const dropped = buffer.push(item, step.push);
            inside = [...inside, item.id].filter((id) => !dropped.some((gone) => gone.id === id));
            bytesInside += step.push - dropped.reduce((sum, gone) => sum + gone.bytes, 0);
            if (overflow === 'drop-newest') expect(dropped.every((gone) => gone.id === item.id)).toBe(true);
          }
          expect(buffer.length).toBe(inside.length);
          expect(buffer.bytes).toBe(bytesInside);
          expect(buffer.length).toBeLessThanOrEqual(7);
          expect(buffer.bytes).toBeLessThanOrEqual(100);
        }
        expect(buffer.drain().map(({ id }) => id)).toEqual(inside);
      }),
    );
  });

  test('an item larger than the bound is taken alone, and everything older gives way', () => {
    const buffer = new BoundedBuffer<string>({ maxItems: 10, maxBytes: 100, policy: 'drop-oldest' });
    buffer.push('small', 60);
    expect(buffer.push('huge', 500)).toEqual(['small']);
    expect(buffer.length).toBe(1);
    expect(buffer.fill).toBe(1);
  });

  test('many items pass through without the array growing for ever', () => {
    const buffer = new BoundedBuffer<number>({ maxItems: 10, maxBytes: 100, policy: 'drop-oldest' });
    for (let i = 0; i < 10_000; i++) buffer.push(i, 1);
    expect(buffer.drain()).toEqual([9990, 9991, 9992, 9993, 9994, 9995, 9996, 9997, 9998, 9999]);
  });

  test('bounds that are no bounds are refused', () => {
    expect(() => new BoundedBuffer({ maxItems: 0, maxBytes: 1, policy: 'drop-oldest' })).toThrow(/at least 1/);
    expect(() => new BoundedBuffer({ maxItems: 1, maxBytes: Number.NaN, policy: 'drop-oldest' })).toThrow(/at least 1/);
  });
});
