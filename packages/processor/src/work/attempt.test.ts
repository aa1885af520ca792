import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { attempt } from './attempt.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function limits() {
  return { timeoutMs: 100, onTimeout: vi.fn(), onLate: vi.fn() };
}

test('what is returned, thrown at once, or rejected', async () => {
  const fault = new Error('no');
  const thrower = (): never => {
    throw fault;
  };
  expect(await attempt(() => 1, limits())).toEqual({ kind: 'returned', value: 1 });
  expect(await attempt(async () => 2, limits())).toEqual({ kind: 'returned', value: 2 });
  expect(await attempt(thrower, limits())).toEqual({ kind: 'threw', error: fault });
  expect(await attempt(() => Promise.reject(fault), limits())).toEqual({ kind: 'threw', error: fault });
  expect(vi.getTimerCount()).toBe(0);
});

test('a call that takes too long is over; what it does later is told, not returned', async () => {
  const call = Promise.withResolvers<string>();
  const bounds = limits();
  const result = attempt(() => call.promise, bounds);
  await vi.advanceTimersByTimeAsync(100);
  expect(await result).toEqual({ kind: 'timed_out' });
  expect(bounds.onTimeout).toHaveBeenCalledOnce();
  expect(bounds.onLate).not.toHaveBeenCalled();
  call.resolve('late');
  await vi.advanceTimersByTimeAsync(0);
  expect(bounds.onLate).toHaveBeenCalledExactlyOnceWith('returned');
});

test('a late rejection is told too, and crashes nothing', async () => {
  const call = Promise.withResolvers<string>();
  const bounds = limits();
  const result = attempt(() => call.promise, bounds);
  await vi.advanceTimersByTimeAsync(100);
  await result;
  call.reject(new Error('aborted'));
  await vi.advanceTimersByTimeAsync(0);
  expect(bounds.onLate).toHaveBeenCalledExactlyOnceWith('threw');
});
