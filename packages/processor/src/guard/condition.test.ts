import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConditionWatch } from './condition.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watch() {
  const told: string[] = [];
  const state = { overdue: 0, heldUpMs: 0 };
  const it = new ConditionWatch({
    slowMs: 100,
    hungAt: 2,
    overdue: () => state.overdue,
    onChange: (from, to) => told.push(`${from} → ${to}`),
    now: () => performance.now() + state.heldUpMs,
  });
  const calls = (fast: number, slow: number) => {
    for (let i = 0; i < fast; i++) it.called(100);
    for (let i = 0; i < slow; i++) it.called(101);
  };
  return { it, told, state, calls };
}

test('hung with as many overdue calls as may run, until one of them ends; told at once', () => {
  const { it, told, state } = watch();
  state.overdue = 1;
  it.look();
  expect(it.condition).toBe('ok');
  state.overdue = 2;
  it.look();
  expect(it.condition).toBe('hung');
  state.overdue = 1;
  it.look();
  expect(told).toEqual(['ok → hung', 'hung → ok']);
});

test('blocking for ten seconds after the loop was held up for more than a second', () => {
  const { it, state } = watch();
  state.heldUpMs += 1_000;
  vi.advanceTimersByTime(250);
  expect(it.condition).toBe('ok');
  state.heldUpMs += 1_001;
  vi.advanceTimersByTime(250);
  expect(it.condition).toBe('blocking');
  vi.advanceTimersByTime(9_750);
  expect(it.condition).toBe('blocking');
  vi.advanceTimersByTime(250);
  expect(it.condition).toBe('ok');
});

test('slow with more than 5 % of the calls of a minute above the bound, and three at least', () => {
  const { it, calls, told } = watch();
  calls(10, 2);
  vi.advanceTimersByTime(250);
  expect(it.condition).toBe('ok');
  calls(47, 1);
  vi.advanceTimersByTime(250);
  // 3 of 60 are 5 %.
  expect(it.condition).toBe('ok');
  calls(0, 1);
  vi.advanceTimersByTime(250);
  expect(it.condition).toBe('slow');
  vi.advanceTimersByTime(49_000);
  expect(it.condition).toBe('slow');
  vi.advanceTimersByTime(11_000);
  expect(told).toEqual(['ok → slow', 'slow → ok']);
});

test('the worst that holds is told', () => {
  const { it, calls, state, told } = watch();
  calls(0, 3);
  state.heldUpMs += 2_000;
  vi.advanceTimersByTime(250);
  state.overdue = 5;
  it.look();
  state.overdue = 0;
  it.look();
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual(['ok → blocking', 'blocking → hung', 'hung → blocking', 'blocking → slow']);
});

test('after stop nothing is looked at', () => {
  const { it } = watch();
  it.stop();
  expect(vi.getTimerCount()).toBe(0);
});
