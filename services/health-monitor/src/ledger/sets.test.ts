import { SequenceSet } from '@frame-buffer/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combine, difference, intersection, union } from './sets.ts';

const numbers = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 40 });

describe('sets', () => {
  test.each([
    ['union', union, (a: number[], b: number[]) => [...a, ...b]],
    ['intersection', intersection, (a: number[], b: number[]) => a.filter((n) => b.includes(n))],
    ['difference', difference, (a: number[], b: number[]) => a.filter((n) => !b.includes(n))],
  ])('%s - agrees with plain sets and changes neither operand', (_name, ours, plain) => {
    fc.assert(
      fc.property(numbers, numbers, (x, y) => {
        const [a, b] = [SequenceSet.of(...x), SequenceSet.of(...y)];
        expect([...ours(a, b)]).toEqual([...new Set(plain(x, y))].sort((p, q) => p - q));
        expect(a).toEqual(SequenceSet.of(...x));
        expect(b).toEqual(SequenceSet.of(...y));
      }),
    );
  });

  test('union - of a hundred thousand interleaved ranges takes no quadratic time', () => {
    const [odd, even] = [new SequenceSet(), new SequenceSet()];
    for (let i = 0; i < 200_000; i += 2) {
      even.add(i);
      odd.add(i + 1);
    }
    expect(union(odd, even).toWire()).toEqual([0, 200_000]);
  });

  test('combine - leaves out accounts that are empty afterwards', () => {
    const a = new Map([
      ['x', SequenceSet.of(1, 2)],
      ['y', SequenceSet.of(3)],
    ]);
    const result = combine(a, new Map([['y', SequenceSet.of(3)]]), difference);
    expect([...result.keys()]).toEqual(['x']);
  });
});
