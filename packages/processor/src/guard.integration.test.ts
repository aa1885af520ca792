/** An instance that fails, hangs, blocks or is slow, seen from outside: what it takes, what it gives away, what it tells. */
import { until } from '@frame-buffer/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { queueEmpty, type Site, startSite } from '../tests/site.ts';
import { Heartbeat } from './heartbeat/heartbeat.ts';
import type { Frame } from './index.ts';

afterEach(() => void vi.restoreAllMocks());

const frames = (site: Site, from: number, to: number) =>
  Promise.all(Array.from({ length: to - from + 1 }, (_, i) => site.frame({ sequence: from + i })));

const record = (site: Site, instance = 'motion-1') => site.instance('motion', instance);

/** Fails until it is told otherwise. */
function moody() {
  const mood = { isWell: false };
  const seen: number[] = [];
  const handle = (frame: Frame) => {
    seen.push(frame.sequence);
    if (!mood.isWell) throw new Error('out of order');
  };
  return { mood, seen, handle };
}

test('the breaker opens with the failure that is one too many: nothing more is pulled, what waits goes on its way', async () => {
  await using site = await startSite();
  const { seen, handle } = moody();
  const processor = await site.start({ handle, breaker: { failures: 3 } });
  await site.dispatch('motion', await frames(site, 1, 10));
  await until(() => processor.stats().breaker === 'open', { what: 'the breaker to open' });
  expect(seen).toEqual([1, 2, 3]);
  await queueEmpty(site);
  // What was tried waits for another attempt; what was not goes back to the lane that it came from, as it was.
  const back = (await site.returned()).map(({ subject, batch }) => ({
    subject,
    sequences: Array.from({ length: batch.frameCount }, (_, i) => batch.sequence(i)),
    attempt: batch.attempt(0),
    isDue: batch.delayMs === 0,
  }));
  expect(back.sort((a, b) => (a.sequences[0] ?? 0) - (b.sequences[0] ?? 0))).toEqual([
    { subject: 'frames.motion.retry', sequences: [1], attempt: 1, isDue: false },
    { subject: 'frames.motion.retry', sequences: [2], attempt: 1, isDue: false },
    { subject: 'frames.motion.retry', sequences: [3], attempt: 1, isDue: false },
    { subject: 'frames.motion.normal', sequences: [4, 5, 6, 7, 8, 9, 10], attempt: 0, isDue: true },
  ]);
  expect(await site.books()).toEqual([
    'returned/breaker_open cam1:4,5,6,7,8,9,10',
    'returned/handler_failed cam1:1,2,3',
  ]);
  expect(processor.stats()).toMatchObject({ retried: 3, handedBack: 7, queued: 0 });

  expect(await site.pulls('motion')).toBe(0);
  await site.dispatch('motion', await frames(site, 11, 11));
  const pulled = until(() => seen.length > 3, { what: 'more work', timeoutMs: 500 });
  await expect(pulled).rejects.toThrow();
  expect(await site.waitingMessages()).toBe(1);
  expect(await until(() => record(site), { what: 'the beat', is: (one) => one?.breaker === 'open' })).toMatchObject({
    state: 'ready',
    condition: 'ok',
    failed: 3,
  });
  expect(await site.events()).toContain('breaker.motion-motion-1 breaker.changed closed → open');
});

test('messages that were not begun go to another instance at once', async () => {
  await using site = await startSite();
  const ailing = moody();
  ailing.mood.isWell = true;
  const first = await site.start({ instance: 'a', handle: ailing.handle, breaker: { failures: 1 } });
  // Fast work first, so that several messages are here when the trouble begins.
  for (const frame of await frames(site, 1, 50)) await site.dispatch('motion', [frame]);
  await queueEmpty(site);
  ailing.mood.isWell = false;
  for (const frame of await frames(site, 51, 60)) await site.dispatch('motion', [frame]);
  await until(() => first.stats().breaker === 'open', { what: 'the breaker to open' });
  const others: number[] = [];
  await site.start({ instance: 'b', handle: (frame: Frame) => void others.push(frame.sequence) });
  await queueEmpty(site);
  const tried = ailing.seen.filter((sequence) => sequence > 50);
  expect(tried).toHaveLength(1);
  expect([...tried, ...others].sort()).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
});

test('half-open it tries so many calls, opens again when one fails, and closes when they succeed', async () => {
  await using site = await startSite();
  const gates: PromiseWithResolvers<void>[] = [];
  const processor = await site.start({
    concurrency: 8,
    breaker: { failures: 1, recoveryMs: 200, trialCalls: 2, successesToClose: 2 },
    handle: () => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    },
  });
  const state = (wanted: string) =>
    until(() => processor.stats().breaker, { what: `the breaker to be ${wanted}`, is: (one) => one === wanted });
  const called = (count: number) => until(() => gates.length === count, { what: `${count} calls` });

  await site.dispatch('motion', await frames(site, 1, 1));
  await called(1);
  gates[0]?.reject(new Error('no'));
  await state('open');
  for (const frame of await frames(site, 2, 9)) await site.dispatch('motion', [frame]);
  await called(3);
  expect(processor.stats()).toMatchObject({ breaker: 'halfOpen', inFlight: 2, queued: 0 });
  gates[1]?.reject(new Error('still no'));
  await state('open');
  gates[2]?.resolve();
  await called(5);
  gates[3]?.resolve();
  await called(6);
  expect(processor.stats().breaker).toBe('halfOpen');
  gates[4]?.resolve();
  await state('closed');
  await called(9);
  for (const gate of gates) gate.resolve();
  await queueEmpty(site);
  expect(await site.books()).toEqual(['processed/handled cam1:3,4,5,6,7,8,9', 'returned/handler_failed cam1:1,2']);
  const changes = (await site.events()).map((event) => event.replace('breaker.motion-motion-1 breaker.changed ', ''));
  expect(changes.filter((change) => /^\w/.test(change) && !change.includes('condition'))).toEqual([
    'closed → open',
    'open → halfOpen',
    'halfOpen → open',
    'open → halfOpen',
    'halfOpen → closed',
  ]);
});

test('half-open, frames of one message are trials too; a reset lets all of them go', async () => {
  await using site = await startSite();
  const beatNow = vi.spyOn(Heartbeat.prototype, 'beatNow');
  const gate = Promise.withResolvers<void>();
  const processor = await site.start({
    concurrency: 8,
    breaker: { failures: 1, recoveryMs: 100, trialCalls: 2 },
    handle: ({ sequence }: Frame) => (sequence === 1 ? Promise.reject(new Error('no')) : gate.promise),
  });
  await site.dispatch('motion', await frames(site, 1, 1));
  await until(() => processor.stats().breaker === 'halfOpen', { what: 'the breaker to try' });
  await site.dispatch('motion', await frames(site, 2, 6));
  await until(() => processor.stats().inFlight, { what: 'trials' });
  expect(processor.stats()).toMatchObject({ breaker: 'halfOpen', inFlight: 2, queued: 3 });
  processor.resetBreaker();
  expect(processor.stats()).toMatchObject({ breaker: 'closed', inFlight: 5, queued: 0 });
  // Open, half-open, closed: each was told at once, not with the next regular beat.
  expect(beatNow).toHaveBeenCalledTimes(3);
  gate.resolve();
  await queueEmpty(site);
});

test('a reset by hand closes it; without a breaker nothing opens', async () => {
  await using site = await startSite();
  const { mood, seen, handle } = moody();
  const processor = await site.start({ handle, breaker: { failures: 1 } });
  await site.dispatch('motion', await frames(site, 1, 1));
  await until(() => processor.stats().breaker === 'open', { what: 'the breaker to open' });
  await site.dispatch('motion', await frames(site, 2, 2));
  mood.isWell = true;
  processor.resetBreaker();
  await queueEmpty(site);
  expect(seen).toEqual([1, 2]);
  expect(processor.stats().breaker).toBe('closed');
  await processor.drain();

  const reckless = await site.start({ instance: 'b', breaker: false, handle: () => Promise.reject(new Error('no')) });
  await site.dispatch('motion', await frames(site, 11, 40));
  await queueEmpty(site);
  expect(reckless.stats()).toMatchObject({ retried: 30, breaker: undefined });
  expect(await record(site, 'b')).not.toHaveProperty('breaker');
});

test('frames at fault themselves do not open it', async () => {
  await using site = await startSite();
  const processor = await site.start({ breaker: { failures: 1 }, handle: (frame: Frame) => frame.pixels() });
  await site.dispatch('motion', [
    await site.frame({ sequence: 1, pixelSequence: 4711 }),
    await site.frame({ sequence: 2 }),
  ]);
  await queueEmpty(site);
  expect(await site.books()).toEqual(['dead_lettered/handler_failed cam1:2', 'dead_lettered/pixels_evicted cam1:1']);
  expect(processor.stats().breaker).toBe('closed');
});

test('calls that ignore their timeout make it hung: it takes nothing until one of them ends', async () => {
  await using site = await startSite();
  const gate = Promise.withResolvers<void>();
  const seen: number[] = [];
  const processor = await site.start({
    concurrency: 2,
    timeoutMs: 100,
    async handle(frame: Frame) {
      seen.push(frame.sequence);
      if (frame.sequence <= 2) await gate.promise;
    },
  });
  await site.dispatch('motion', await frames(site, 1, 2));
  await until(() => processor.stats().condition === 'hung', { what: 'two calls that hang' });
  expect(processor.stats()).toMatchObject({ overdue: 2, timedOut: 2, inFlight: 0, breaker: 'closed' });
  await queueEmpty(site);
  expect(await site.pulls('motion')).toBe(0);
  await until(() => record(site), { what: 'the beat', is: (one) => one?.condition === 'hung' });
  await site.dispatch('motion', await frames(site, 3, 3));
  await expect(until(() => seen.length > 2, { what: 'more work', timeoutMs: 500 })).rejects.toThrow();
  gate.resolve();
  await queueEmpty(site);
  expect(seen).toEqual([1, 2, 3]);
  await until(() => record(site), { what: 'the beat', is: (one) => one?.condition === 'ok' });
  expect(await site.events()).toEqual(
    expect.arrayContaining([
      'instance.motion-motion-1 condition.changed ok → hung',
      'instance.motion-motion-1 condition.changed hung → ok',
    ]),
  );
  expect(await site.books()).toEqual(['processed/handled cam1:3', 'returned/timed_out cam1:1,2']);
});

test('a slow handler and one that blocks are told apart', async () => {
  await using site = await startSite();
  const slow = await site.start({
    instance: 'slow',
    slowMs: 5,
    handle: () => new Promise((resolve) => setTimeout(resolve, 20)),
  });
  await site.dispatch('motion', await frames(site, 1, 4));
  await until(() => slow.stats().condition === 'slow', { what: 'the instance to be slow' });
  await until(() => record(site, 'slow'), { what: 'the beat', is: (one) => one?.condition === 'slow' });
  await slow.drain();

  const blocking = await site.start({
    instance: 'blocking',
    handle: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500),
  });
  await site.dispatch('motion', await frames(site, 5, 5));
  await until(() => blocking.stats().condition === 'blocking', { what: 'the instance to be blocking' });
  await until(() => record(site, 'blocking'), { what: 'the beat', is: (one) => one?.condition === 'blocking' });
});

test('a drain while the breaker is open ends at once, and loses nothing', async () => {
  await using site = await startSite();
  const { handle } = moody();
  const processor = await site.start({ handle, breaker: { failures: 1 } });
  await site.dispatch('motion', await frames(site, 1, 5));
  await until(() => processor.stats().breaker === 'open', { what: 'the breaker to open' });
  await site.dispatch('motion', await frames(site, 6, 6));
  expect(await processor.drain()).toEqual({ givenBack: 0, abandonedCalls: 0 });
  expect(await site.waitingMessages()).toBe(1);
  expect(await site.books()).toEqual(['returned/breaker_open cam1:2,3,4,5', 'returned/handler_failed cam1:1']);
  expect(await record(site)).toBeUndefined();
});

test('a handler that never waits leaves the event loop its share', async () => {
  await using site = await startSite();
  let longestMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last);
    last = performance.now();
  }, 1);
  const busy = () => {
    for (const until = performance.now() + 2; performance.now() < until; );
  };
  try {
    await site.start({ handle: busy });
    const many = await frames(site, 1, 300);
    longestMs = 0;
    await site.dispatch('motion', many);
    await queueEmpty(site);
    // All of them in a row would take 600 ms.
    expect(longestMs).toBeLessThan(300);
  } finally {
    clearInterval(timer);
  }
});
