import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { newCounters } from '../stats.ts';
import { Vitals } from './vitals.ts';

test('what one thread writes the other reads', () => {
  const written = new Vitals();
  const counters = { ...newCounters(), inFlight: 3, queued: 4, processed: 5_000_000_000, deadLettered: 6, retried: 7 };
  written.write({ counters, isDraining: true, breaker: 'halfOpen', condition: 'slow' });
  expect(new Vitals(written.memory).read()).toEqual({
    inFlight: 3,
    queued: 4,
    processed: 5_000_000_000,
    failed: 13,
    blockedMs: 0,
    state: 'draining',
    breaker: 'halfOpen',
    condition: 'slow',
  });
});

test('without a breaker nothing is said of it', () => {
  const vitals = new Vitals();
  vitals.write({ counters: newCounters(), isDraining: false, breaker: undefined, condition: 'ok' });
  expect(vitals.read()).not.toHaveProperty('breaker');
});

test.each([
  ['ok', 'blocking'],
  ['slow', 'blocking'],
  ['hung', 'hung'],
] as const)('a main thread that was %s and is held up for more than a second is %s', (condition, seen) => {
  const vitals = new Vitals();
  vitals.write({ counters: newCounters(), isDraining: false, breaker: 'closed', condition });
  expect(vitals.read().condition).toBe(condition);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_150);
  expect(vitals.read().condition).toBe(seen);
});

test('an event loop that stands still is seen from another thread', async () => {
  const vitals = new Vitals();
  vitals.write({ counters: newCounters(), isDraining: false, breaker: 'closed', condition: 'ok' });
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ Vitals }) => {
      const vitals = new Vitals(workerData.memory);
      const timer = setInterval(() => {
        const { blockedMs } = vitals.read();
        if (blockedMs < 200) return;
        clearInterval(timer);
        Atomics.store(workerData.seen, 0, blockedMs);
        Atomics.notify(workerData.seen, 0);
      }, 10);
    });`;
  const seen = new Int32Array(new SharedArrayBuffer(4));
  const module = new URL('./vitals.ts', import.meta.url).href;
  const thread = new Worker(code, { eval: true, execArgv: [], workerData: { module, memory: vitals.memory, seen } });
  // This thread is as blocked as it can be.
  Atomics.wait(seen, 0, 0, 10_000);
  expect(Atomics.load(seen, 0)).toBeGreaterThanOrEqual(200);
  await thread.terminate();
});
