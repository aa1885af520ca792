import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Calls } from './calls.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Work = () => unknown;

function calls(timeoutMs = 100) {
  const said: unknown[] = [];
  const it = new Calls<Work, unknown>({
    timeoutMs,
    invoke: (work) => work(),
    onEnded: (_call, ended, ms) => said.push(['ended', ended, ms]),
    onTimeout: () => said.push('timeout'),
    onLate: (_call, how) => said.push(['late', how]),
  });
  return { it, said };
}

const fault = new Error('no');
const thrower = () => {
  throw fault;
};
const flush = () => vi.advanceTimersByTimeAsync(0);

test('T3 a plain value or a throw ends the call before run returns, without a timer', () => {
  const { it, said } = calls();
  it.run(() => 1);
  it.run(() => undefined);
  it.run(() => null);
  it.run(thrower);
  expect(said).toEqual([
    ['ended', { kind: 'returned', value: 1 }, 0],
    ['ended', { kind: 'returned', value: undefined }, 0],
    ['ended', { kind: 'returned', value: null }, 0],
    ['ended', { kind: 'threw', error: fault }, 0],
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

test('T1 a promise ends its call when it is settled, and so does whatever else has a then', async () => {
  const { it, said } = calls();
  it.run(async () => 2);
  it.run(() => Promise.reject(fault));
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
  it.run(() => ({ then: (resolve: (value: number) => void) => resolve(3) }));
  await flush();
  expect(said).toEqual([
    ['ended', { kind: 'returned', value: 2 }, 0],
    ['ended', { kind: 'threw', error: fault }, 0],
    ['ended', { kind: 'returned', value: 3 }, 0],
  ]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(said).toHaveLength(3);
});

test.each([
  ['returned', (call: PromiseWithResolvers<string>) => call.resolve('late')],
  ['threw', (call: PromiseWithResolvers<string>) => call.reject(fault)],
] as const)(
  'T2 a call that takes too long is over; that it %s later is told, once, and goes nowhere',
  async (how, end) => {
    const { it, said } = calls();
    const call = Promise.withResolvers<string>();
    it.run(() => call.promise);
    await vi.advanceTimersByTimeAsync(99);
    expect(said).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(said).toEqual(['timeout', ['ended', { kind: 'timed_out' }, 100]]);
    expect(it.overdue).toBe(1);
    end(call);
    await flush();
    expect(said.slice(2)).toEqual([['late', how]]);
    expect(it.overdue).toBe(0);
  },
);

test('each of many calls has its own time, with one timer for all', async () => {
  const ended: number[] = [];
  const it = new Calls<number, unknown>({
    timeoutMs: 100,
    invoke: () => new Promise(() => {}),
    onEnded: (began, _ended, ms) => ended.push(began + ms),
    onTimeout: () => {},
    onLate: () => {},
  });
  for (let ms = 0; ms < 300; ms += 10) {
    it.run(ms);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(100);
  expect(ended).toEqual(Array.from({ length: 30 }, (_, i) => i * 10 + 100));
  expect(vi.getTimerCount()).toBe(0);
});

test('a call that begins while others time out does not put off those that are next', async () => {
  const ended: string[] = [];
  const it: Calls<string, unknown> = new Calls({
    timeoutMs: 100,
    invoke: () => new Promise(() => {}),
    onEnded: (name) => {
      ended.push(`${name} ${performance.now() - began}`);
      if (name === 'first') it.run('third');
    },
    onTimeout: () => {},
    onLate: () => {},
  });
  const began = performance.now();
  it.run('first');
  await vi.advanceTimersByTimeAsync(5);
  it.run('second');
  await vi.advanceTimersByTimeAsync(500);
  expect(ended).toEqual(['first 100', 'second 105', 'third 200']);
});

test('after close nothing times out', async () => {
  const { it, said } = calls();
  const call = Promise.withResolvers<number>();
  it.run(() => call.promise);
  expect([...it.running()]).toHaveLength(1);
  it.close();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(said).toEqual([]);
});
