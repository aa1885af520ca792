import { expect, test } from 'vitest';
import { highest } from './rendezvous.ts';

const keys = Array.from({ length: 6_400 }, (_, i) => `track ${i}`);
const owner = (key: string, names: readonly string[]) => highest(key, names, (name) => name);

test('the same for everybody, whatever the order of the candidates', () => {
  const names = ['a', 'b', 'c', 'd'];
  for (const key of keys.slice(0, 200)) expect(owner(key, [...names].reverse())).toBe(owner(key, names));
  expect(owner('x', [])).toBeUndefined();
});

test('when one leaves, only what was its own moves, and evenly', () => {
  const names = ['a', 'b', 'c', 'd'];
  const counts = new Map<string, number>();
  for (const key of keys) {
    const before = owner(key, names) ?? '';
    counts.set(before, (counts.get(before) ?? 0) + 1);
    const after = owner(key, ['a', 'b', 'd']);
    if (before === 'c') expect(after).not.toBe('c');
    else expect(after).toBe(before);
  }
  for (const count of counts.values()) expect(Math.abs(count / keys.length - 0.25)).toBeLessThan(0.02);
});
