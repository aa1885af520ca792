import { describe, expect, test } from 'vitest';
import { RunOfFailures } from './run-of-failures.ts';

describe('run of failures', () => {
  test('F1 - counts over all instances until one succeeds', () => {
    const run = new RunOfFailures();
    run.failed('a', 2);
    run.failed('b', 1);
    expect(run.standing(0)).toBe(3);
    run.succeeded('a', 10, 0);
    expect(run.standing(5_000)).toBe(0);
    run.failed('a', 1);
    expect(run.standing(0)).toBe(1);
  });

  test.each([
    [1, 1_000],
    [2_000, 6_000],
    [60_000, 30_000],
  ])('F2 - an instance that took %i ms vouches for %i ms', (serviceMs, forMs) => {
    const run = new RunOfFailures();
    run.succeeded('slow', serviceMs, 100);
    run.failed('fast', 50);
    expect(run.standing(100 + forMs - 1)).toBe(0);
    expect(run.vouchedUntil(100)).toBe(100 + forMs);
    expect(run.standing(100 + forMs)).toBe(50);
    expect(run.vouchedUntil(100 + forMs)).toBeUndefined();
  });

  test('F2 - nobody vouches after a failure of its own, nor for nothing', () => {
    const run = new RunOfFailures();
    run.succeeded('a', 10, 0);
    expect(run.vouchedUntil(0)).toBeUndefined();
    run.failed('b', 4);
    run.failed('a', 1);
    expect(run.standing(0)).toBe(5);
  });

  test('forgets', () => {
    const run = new RunOfFailures();
    run.succeeded('a', 10, 0);
    run.forget();
    run.failed('b', 1);
    expect(run.standing(0)).toBe(1);
    run.forget();
    expect(run.standing(0)).toBe(0);
  });
});
