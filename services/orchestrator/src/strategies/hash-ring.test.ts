import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HashRing } from './hash-ring.ts';

const members = (count: number) => Array.from({ length: count }, (_, i) => `p${i}`);
const keys = Array.from({ length: 10_000 }, (_, i) => `cam-${i}`);
const owners = (names: readonly string[]) => {
  const ring = new HashRing(names);
  return keys.map((key) => names[ring.ownerOf(key)]);
};

describe('hash ring', () => {
  test('R1 - when a member leaves, its keys move and no others', () => {
    for (const count of [2, 10, 100, 1000]) {
      const names = members(count);
      const gone = names[Math.floor(count / 3)];
      const before = owners(names);
      const after = owners(names.filter((name) => name !== gone));
      for (const [i, owner] of before.entries()) {
        if (owner === gone) expect(after[i]).not.toBe(gone);
        else expect(after[i]).toBe(owner);
      }
    }
  });

  test('R1 - the order in which members are named does not matter', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 1, maxLength: 30 }), (names) => {
        const turned = [...names].reverse();
        const [one, other] = [new HashRing(names), new HashRing(turned)];
        for (const key of keys.slice(0, 50)) expect(names[one.ownerOf(key)]).toBe(turned[other.ownerOf(key)]);
      }),
      { numRuns: 50 },
    );
  });

  test('R2 - shares are nearly equal', () => {
    const names = members(10);
    const counts = Map.groupBy(owners(names), (name) => name);
    const shares = names.map((name) => (counts.get(name)?.length ?? 0) / keys.length);
    expect(Math.max(...shares)).toBeLessThan(0.11);
    expect(Math.min(...shares)).toBeGreaterThan(0.085);
  });
});
