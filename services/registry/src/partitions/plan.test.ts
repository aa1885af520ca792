import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plan } from './plan.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const inputs = fc.record({
  instances: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
  holders: fc.array(fc.option(fc.constantFrom(...names, 'gone'), { nil: undefined }), { minLength: 1, maxLength: 64 }),
});

function shares(wanted: readonly (string | undefined)[], instances: readonly string[]): number[] {
  return instances.map((instance) => wanted.filter((one) => one === instance).length);
}

describe('plan of partitions', () => {
  test('P1 - every partition has an instance, and shares differ by one at most', () => {
    fc.assert(
      fc.property(inputs, ({ instances, holders }) => {
        const wanted = plan(holders.length, instances, holders);
        expect(wanted.every((one) => one !== undefined && instances.includes(one))).toBe(true);
        const all = shares(wanted, instances);
        expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('P2 - no balanced plan keeps more partitions where they are', () => {
    fc.assert(
      fc.property(inputs, ({ instances, holders }) => {
        const wanted = plan(holders.length, instances, holders);
        const kept = wanted.filter((one, p) => one === holders[p]).length;
        // What can be kept at most: each its least share, and as many as possible one more.
        const least = Math.floor(holders.length / instances.length);
        const greater = holders.length - least * instances.length;
        const held = shares(holders, instances);
        const above = held.filter((count) => count > least).length;
        const best = held.reduce((sum, count) => sum + Math.min(count, least), 0) + Math.min(above, greater);
        expect(kept).toBe(best);
      }),
    );
  });

  test('P3 - whoever computes it', () => {
    fc.assert(
      fc.property(inputs, ({ instances, holders }) => {
        expect(plan(holders.length, [...instances].reverse(), holders)).toEqual(
          plan(holders.length, instances, holders),
        );
      }),
    );
  });

  test('one joins three, one leaves four, nobody is left', () => {
    const three = ['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b'];
    const four = plan(8, ['a', 'b', 'c', 'd'], three);
    expect(shares(four, ['a', 'b', 'c', 'd'])).toEqual([2, 2, 2, 2]);
    expect(four.filter((one, p) => one !== three[p])).toEqual(['d', 'd']);
    const left = plan(8, ['a', 'b', 'd'], four);
    expect(left.filter((one, p) => one !== four[p])).toHaveLength(2);
    expect(plan(8, [], four)).toEqual(new Array(8).fill(undefined));
  });
});
