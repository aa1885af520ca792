import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

test('doubles up to a bound, and begins anew after a good while', () => {
  const backoff = new Backoff();
  expect([0, 10, 0, 29_999, 0, 0].map((livedMs) => backoff.next(livedMs))).toEqual([
    500, 1_000, 2_000, 4_000, 8_000, 8_000,
  ]);
  expect(backoff.next(30_000)).toBe(500);
  expect(backoff.next(0)).toBe(1_000);
});
