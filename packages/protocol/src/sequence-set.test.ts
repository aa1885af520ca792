import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SequenceSet } from './sequence-set.ts';

const sequences = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 80 });
const ranges = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 12 })), { maxLength: 12 });
const ascending = (model: Set<number>) => [...model].sort((a, b) => a - b);

function union(...sets: SequenceSet[]): SequenceSet {
  const all = new SequenceSet();
  for (const set of sets) all.addAll(set);
  return all;
}

/** Sorted, disjoint, never touching: the one form of a set. */
function expectNormal(set: SequenceSet): void {
  let end = -1;
  for (const [from, to] of set.ranges()) {
    expect(from).toBeGreaterThan(end);
    expect(to).toBeGreaterThan(from);
    end = to;
  }
}

describe('SequenceSet', () => {
  it('is a set of numbers', () => {
    fc.assert(
      fc.property(sequences, ranges, (list, more) => {
        const set = SequenceSet.of(...list);
        const model = new Set(list);
        for (const [from, length] of more) {
          set.addRange(from, from + length);
          for (let n = from; n < from + length; n++) model.add(n);
          expectNormal(set);
        }
        expect([...set]).toEqual(ascending(model));
        expect(set.size).toBe(model.size);
        expect(set.isEmpty).toBe(model.size === 0);
        for (let n = -1; n < 75; n++) expect(set.has(n)).toBe(model.has(n));
      }),
    );
  });

  it('union: idempotent, order-free, grouped as one likes, and leaves the other set alone', () => {
    fc.assert(
      fc.property(sequences, sequences, sequences, (x, y, z) => {
        const [a, b, c] = [SequenceSet.of(...x), SequenceSet.of(...y), SequenceSet.of(...z)];
        const all = union(a, b, c).toWire();
        expect([...union(a, b, c)]).toEqual(ascending(new Set([...x, ...y, ...z])));
        expect(union(a, b, c, b, a, a).toWire()).toEqual(all);
        expect(union(c, b, a).toWire()).toEqual(all);
        expect(union(a, union(b, c)).toWire()).toEqual(all);
        expect([...b]).toEqual(ascending(new Set(y)));
      }),
    );
  });

  it('minus and overlap', () => {
    fc.assert(
      fc.property(sequences, sequences, (x, y) => {
        const [a, b] = [SequenceSet.of(...x), SequenceSet.of(...y)];
        const [first, second] = [new Set(x), new Set(y)];
        const difference = a.minus(b);
        expectNormal(difference);
        expect([...difference]).toEqual(ascending(first).filter((n) => !second.has(n)));
        expect(a.overlap(b)).toBe(x.filter((n, i) => second.has(n) && x.indexOf(n) === i).length);
        expect(a.overlap(b)).toBe(b.overlap(a));
        expect([...a]).toEqual(ascending(first));
      }),
    );
  });

  it('a clone goes its own way', () => {
    const set = SequenceSet.of(1, 2, 3);
    const copy = set.clone();
    copy.add(9);
    set.addRange(0, 1);
    expect([copy.toWire(), set.toWire()]).toEqual([
      [1, 3, 9, 1],
      [0, 4],
    ]);
  });

  it('adds nothing for a range that is empty, reversed or no number', () => {
    const set = SequenceSet.of(5);
    for (const [from, to] of [
      [7, 7],
      [9, 3],
      [Number.NaN, 3],
      [1, Number.NaN],
    ] as const)
      set.addRange(from, to);
    expect(set.toWire()).toEqual([5, 1]);
  });

  it('comes back from the wire, whatever the order of the ranges', () => {
    fc.assert(
      fc.property(ranges, (pairs) => {
        const model = new Set(pairs.flatMap(([from, length]) => Array.from({ length }, (_, i) => from + i)));
        const set = SequenceSet.fromWire(pairs.flat());
        expectNormal(set);
        expect([...set]).toEqual(ascending(model));
        expect(SequenceSet.parseWire(set.toWire())?.toWire()).toEqual(set.toWire());
      }),
    );
  });

  const damaged: [string, unknown[]][] = [
    ['length 0', [5, 0]],
    ['a negative length', [5, -2]],
    ['a fraction', [5.5, 1]],
    ['a fraction of a length', [5, 1.5]],
    ['a negative start', [-3, 2]],
    ['not a number', [Number.NaN, 1]],
    ['infinity', [1, Number.POSITIVE_INFINITY]],
    ['an end beyond 48 bits', [1, 2 ** 48]],
    ['an end beyond safe integers', [2 ** 53 - 1, 2 ** 53 - 1]],
    ['a start without length', [7]],
    ['a text', ['7', 1]],
    ['a nested list', [[7], 1]],
    ['null', [null, 1]],
  ];
  it.each(damaged)('a damaged range does not damage the set: %s', (_, range) => {
    expect(SequenceSet.fromWire([10, 2, ...(range as number[])]).toWire()).toEqual([10, 2]);
    expect(SequenceSet.parseWire([10, 2, ...range])).toBeUndefined();
  });

  it.each([null, undefined, 'x', {}, 5])('no wire form at all: %j', (value) => {
    expect(SequenceSet.parseWire(value)).toBeUndefined();
  });

  it('any list of numbers gives a set in its one form', () => {
    const anything = fc.array(fc.oneof(fc.double(), fc.integer({ min: -5, max: 50 }), fc.maxSafeNat()), {
      maxLength: 30,
    });
    fc.assert(fc.property(anything, (wire) => expectNormal(SequenceSet.fromWire(wire))));
  });

  it('reads 200,000 ranges in the worst order at once', () => {
    const wire = Array.from({ length: 200_000 }, (_, i) => [2 * (200_000 - i), 1]).flat();
    const started = performance.now();
    expect(SequenceSet.fromWire(wire).size).toBe(200_000);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
