import { expect, test } from 'vitest';
import { retryDelayMs } from './retry-delay.ts';

const attempts = [0, 1, 2, 3, 8, 9, 20, 255];

test('doubles from a second on, and ends at five minutes', () => {
  expect(attempts.map((attempt) => retryDelayMs(attempt, () => 0))).toEqual([
    1_000, 2_000, 4_000, 8_000, 256_000, 300_000, 300_000, 300_000,
  ]);
});

test('chance takes off up to half of it', () => {
  expect(attempts.map((attempt) => retryDelayMs(attempt, () => 0.5))).toEqual([
    750, 1_500, 3_000, 6_000, 192_000, 225_000, 225_000, 225_000,
  ]);
  expect(retryDelayMs(0, () => 0.999_999)).toBe(500);
});
