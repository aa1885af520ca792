import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Assembler, type AssemblerOptions } from './assembler.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function assembler(options: Partial<AssemblerOptions<number>>) {
  const onDue = vi.fn();
  return { onDue, it: new Assembler<number>({ maxSize: 3, maxWaitMs: 20, admit: () => true, onDue, ...options }) };
}

test('A1 a full call leaves at once, in order, and never with more than it may hold', () => {
  const { it } = assembler({});
  it.add([1, 2]);
  it.add([3, 4, 5, 6, 7]);
  expect([it.take(), it.take(), it.take()]).toEqual([[1, 2, 3], [4, 5, 6], []]);
  expect(it.size).toBe(1);
});

test('A2 a short call is due when its oldest item has waited', () => {
  const { it, onDue } = assembler({});
  it.add([1]);
  expect(it.take()).toEqual([]);
  vi.advanceTimersByTime(15);
  it.add([2]);
  expect(it.take()).toEqual([]);
  vi.advanceTimersByTime(4);
  expect(onDue).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onDue).toHaveBeenCalledOnce();
  expect(it.take()).toEqual([1, 2]);
  vi.advanceTimersByTime(100);
  expect(onDue).toHaveBeenCalledOnce();
});

test('A2 waiting for a free worker counts', () => {
  const { it } = assembler({});
  it.add([1]);
  vi.advanceTimersByTime(500);
  it.add([2]);
  expect(it.take()).toEqual([1, 2]);
});

test('A2 with maxWaitMs 0 nothing waits', () => {
  const { it } = assembler({ maxWaitMs: 0 });
  it.add([1]);
  expect(it.take()).toEqual([1]);
});

test('A3 what is turned away takes no place', () => {
  const seen: number[] = [];
  const { it } = assembler({ admit: (item) => seen.push(item) > 0 && item % 2 === 1 });
  it.add([1, 2, 3, 4, 5]);
  expect(it.take()).toEqual([1, 3, 5]);
  expect(seen).toEqual([1, 2, 3, 4, 5]);
});

test('A3 when everything is turned away, nothing is left to wait for', () => {
  const { it, onDue } = assembler({ maxSize: 1, maxWaitMs: 0, admit: () => false });
  it.add([1, 2, 3]);
  expect(it.take()).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(onDue).not.toHaveBeenCalled();
});

test('remove takes out what matches and keeps the order of the rest', () => {
  const { it } = assembler({});
  it.add([1, 2, 3, 4]);
  it.take();
  it.add([5, 6]);
  expect(it.remove((item) => item === 5)).toEqual([5]);
  vi.advanceTimersByTime(20);
  expect(it.take()).toEqual([4, 6]);
});

test('A1 the most urgent leave first, those without deadline last, equal ones as they came', () => {
  // 42 lives 42 ms, 0 for ever.
  const { it } = assembler({ maxSize: 2, maxWaitMs: 0, lifeMs: (ms) => ms || Infinity });
  it.add([0, 50, 20]);
  it.add([20, 0, 10]);
  expect([it.take(), it.take(), it.take(), it.take()]).toEqual([[10, 20], [20, 50], [0, 0], []]);
});

test('A1 life is counted from the arrival', () => {
  const { it } = assembler({ maxSize: 1, maxWaitMs: 0, lifeMs: (ms) => ms });
  it.add([50]);
  vi.advanceTimersByTime(20);
  it.add([40]);
  it.add([29]);
  expect([it.take(), it.take(), it.take()]).toEqual([[29], [50], [40]]);
});

test('A2 the oldest decides when a short call is due, however little urgent it is', () => {
  const { it, onDue } = assembler({ lifeMs: (ms) => ms });
  it.add([900]);
  it.take();
  vi.advanceTimersByTime(15);
  it.add([100]);
  it.take();
  vi.advanceTimersByTime(5);
  expect(onDue).toHaveBeenCalledOnce();
  expect(it.take()).toEqual([100, 900]);
});

test('A2 the list of arrivals does not grow while calls are full', () => {
  const { it, onDue } = assembler({ maxSize: 2 });
  for (let i = 0; i < 10_000; i++) {
    it.add([i, i]);
    expect(it.take()).toEqual([i, i]);
  }
  it.add([1]);
  it.take();
  vi.advanceTimersByTime(19);
  expect(onDue).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onDue).toHaveBeenCalledOnce();
});

test('A4 what is to be alone leaves alone, at once when it is the most urgent', () => {
  const { it } = assembler({ maxSize: 3, isAlone: (item) => item >= 100 });
  it.add([1, 2, 100, 3, 101]);
  expect([it.take(), it.take(), it.take(), it.take()]).toEqual([[1, 2], [100], [], []]);
  vi.advanceTimersByTime(20);
  expect([it.take(), it.take()]).toEqual([[3], [101]]);
});

test('close ends the waiting', () => {
  const { it, onDue } = assembler({});
  it.add([1]);
  it.take();
  it.close();
  vi.advanceTimersByTime(100);
  expect(onDue).not.toHaveBeenCalled();
});

test('thousands pass through in order', () => {
  const { it } = assembler({ maxSize: 7, maxWaitMs: 0 });
  const out: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    it.add([i]);
    if (i % 5 === 0) out.push(...it.take());
  }
  for (let call = it.take(); call.length > 0; call = it.take()) out.push(...call);
  expect(out).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
});
