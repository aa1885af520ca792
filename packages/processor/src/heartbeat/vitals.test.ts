import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { newCounters } from '../stats.ts';
import { Vitals } from './vitals.ts';

test('what one thread writes the other reads', () => {
  const written = new Vitals();
  const counters = { ...newCounters(), inFlight: 3, queued: 4, processed: 5_000_000_000, deadLettered: 6 };
  written.write(counters, true);
  expect(new Vitals(written.memory).read()).toEqual({
    inFlight: 3,
    queued: 4,
    processed: 5_000_000_000,
    failed: 6,
    blockedMs: 0,
    state: 'draining',
  });
});

test('an event loop that stands still is seen from another thread', async () => {
  const vitals = new Vitals();
  vitals.write(newCounters(), false);
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
