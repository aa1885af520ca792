import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { until, waitForEvent } from './until.ts';

test('until - returns the first truthy value', async () => {
  let calls = 0;
  const value = await until(() => (++calls < 3 ? 0 : calls), { what: 'three calls', intervalMs: 1 });
  expect(value).toBe(3);
});

test('until - says what was awaited and the last value', async () => {
  const waiting = until(async () => ({ frames: 4 }), {
    what: 'five frames',
    timeoutMs: 30,
    intervalMs: 5,
    is: ({ frames }) => frames === 5,
  });
  await expect(waiting).rejects.toThrow('Waited 30 ms for five frames; last value: { frames: 4 }');
});

test('until - a throwing probe is "not yet", and its error is told at the end', async () => {
  let calls = 0;
  const probe = (): number => {
    calls += 1;
    if (calls < 3) throw new Error('refused');
    return calls;
  };
  expect(await until(probe, { what: 'an answer', intervalMs: 1 })).toBe(3);

  const waiting = until(() => Promise.reject(new Error('refused')), { what: 'an answer', timeoutMs: 20 });
  await expect(waiting).rejects.toThrow('last error: refused');
});

test('until - a probe that hangs does not hang the wait', async () => {
  const waiting = until(() => new Promise<boolean>(() => {}), { what: 'nothing', timeoutMs: 30 });
  await expect(waiting).rejects.toThrow('the first probe did not answer');
});

test('waitForEvent - takes the first accepted event and leaves no listener', async () => {
  const emitter = new EventEmitter();
  const waiting = waitForEvent<number>(emitter, 'count', { where: (count) => count > 1 });
  emitter.emit('count', 1);
  emitter.emit('count', 2);
  expect(await waiting).toBe(2);
  expect(emitter.listenerCount('count')).toBe(0);
});

test('waitForEvent - a failure shows what came instead', async () => {
  const emitter = new EventEmitter();
  const waiting = waitForEvent<number>(emitter, 'count', { where: () => false, timeoutMs: 20 });
  emitter.emit('count', 7);
  await expect(waiting).rejects.toThrow('Waited 20 ms for the event "count"; 1 came, the last: 7');
  expect(emitter.listenerCount('count')).toBe(0);
});
