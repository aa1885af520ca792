/** Beginning and end of an instance, and what the broker or the registry may do to it in between. */
import type { Worker } from 'node:worker_threads';
import { Delivery } from '@frame-buffer/jetstream';
import { STREAM } from '@frame-buffer/protocol';
import { silentLogger } from '@frame-buffer/telemetry';
import { until } from '@frame-buffer/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { deleteQueue, queueEmpty, type Site, startSite } from '../tests/site.ts';
import { createProcessor, type Frame } from './index.ts';

afterEach(() => void vi.restoreAllMocks());

const motion = (site: Site) =>
  ({ name: 'motion', capabilities: ['motion'], natsUrl: site.broker.url, logger: silentLogger }) as const;

const frames = (site: Site, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => site.frame({ sequence: i + 1 })));

/** A handler that waits until it is let go. */
function gate() {
  const open = Promise.withResolvers<void>();
  const seen: Frame[] = [];
  const handle = async (frame: Frame) => {
    seen.push(frame);
    await open.promise;
  };
  return { seen, handle, open: () => open.resolve() };
}

test('start waits for a registry that is not there yet, and is ready with the first heartbeat', async () => {
  await using site = await startSite({ registry: false });
  const processor = site.start({ instance: 'a', version: '1.2.3', labels: { zone: 'north' }, handle: () => 1 });
  await expect(until(() => site.registrations.length, { what: 'a registration', timeoutMs: 400 })).rejects.toThrow();
  site.startRegistry();
  const { stats } = await processor;
  expect(site.registrations).toMatchObject([{ name: 'motion', version: '1.2.3', labels: { zone: 'north' } }]);
  expect(await site.instance('motion', 'a')).toMatchObject({ state: 'ready', kind: 'processor', inFlight: 0 });
  expect(stats).toBeTypeOf('function');
});

test('a registry in trouble is asked again; one that says no is final, and nothing stays behind', async () => {
  await using site = await startSite();
  site.refuse({ code: 503, text: 'not now' });
  const waiting = createProcessor({ ...motion(site), instance: 'a', handle: () => 1 });
  const started = waiting.start();
  await expect(until(() => site.registrations.length, { what: 'a registration', timeoutMs: 400 })).rejects.toThrow();
  site.refuse({ code: 409, text: 'conflict: "motion" is taken' });
  await expect(started).rejects.toMatchObject({
    code: 'registration_rejected',
    message: expect.stringContaining('"motion" is taken'),
  });
  expect(await site.instance('motion', 'a')).toBeUndefined();
  expect(await waiting.drain()).toEqual({ givenBack: 0, abandonedCalls: 0 });
  await expect(waiting.start()).rejects.toMatchObject({ code: 'already_started' });
});

test('a drain ends a start that waits: for the registry, or for the broker', async () => {
  await using site = await startSite({ registry: false });
  for (const natsUrl of [site.broker.url, 'nats://127.0.0.1:1']) {
    const processor = createProcessor({ ...motion(site), natsUrl, handle: () => 1 });
    const started = processor.start();
    started.catch(() => undefined);
    await processor.drain();
    await expect(started).rejects.toMatchObject({ code: 'stopped' });
  }
});

test('drain: what runs is finished, what waits goes to another instance, the heartbeat is gone', async () => {
  await using site = await startSite();
  const { seen, handle, open } = gate();
  const first = await site.start({ instance: 'a', concurrency: 2, handle });
  for (const frame of await frames(site, 2)) await site.dispatch('motion', [frame]);
  await until(() => seen.length === 2, { what: 'two frames at work' });
  // Four frames in one message: two wait here behind the two that run, and two more messages wait in the queue.
  const [a, b, c] = await Promise.all([11, 12, 13].map((sequence) => site.frame({ sequence })));
  if (a === undefined || b === undefined || c === undefined) throw new Error('no frames');
  await site.dispatch('motion', [a, b]);
  await site.dispatch('motion', [c]);

  const drained = first.drain();
  await until(async () => (await site.instance('motion', 'a'))?.state === 'draining', { what: 'the beat to say so' });
  const others: number[] = [];
  await site.start({ instance: 'b', handle: (frame: Frame) => void others.push(frame.sequence) });
  await until(() => others.length === 3, { what: 'the other instance to take over' });
  open();
  expect(await drained).toEqual({ givenBack: 0, abandonedCalls: 0 });
  await queueEmpty(site);
  expect(others.sort()).toEqual([11, 12, 13]);
  expect(await site.books()).toEqual(['processed/handled cam1:1,2,11,12,13']);
  expect(await site.instance('motion', 'a')).toBeUndefined();
  expect(first.stats().processed).toBe(2);
});

test('drain: messages already here but not begun are given back at once', async () => {
  await using site = await startSite();
  const { seen, handle, open } = gate();
  const first = await site.start({
    instance: 'a',
    concurrency: 1,
    handle: async (frame: Frame) => (frame.sequence <= 50 ? 1 : handle(frame)),
  });
  // Fast work first, so that the appetite is large and several messages are here when the slow ones come.
  for (const frame of await frames(site, 50)) await site.dispatch('motion', [frame]);
  for (let sequence = 51; sequence <= 56; sequence++) await site.dispatch('motion', [await site.frame({ sequence })]);
  await until(() => seen.length === 1, { what: 'a frame at work' });
  await until(() => first.stats().queued, { what: 'frames that wait here' });
  const drained = first.drain();
  const others: number[] = [];
  await site.start({ instance: 'b', handle: (frame: Frame) => void others.push(frame.sequence) });
  await until(() => others.length === 5, { what: 'the other instance to take over' });
  open();
  await drained;
  expect(others.sort()).toEqual([52, 53, 54, 55, 56]);
  expect(first.stats().queued).toBe(0);
});

test('drain is bounded: what does not end is aborted and given back', async () => {
  await using site = await startSite();
  const { seen, handle } = gate();
  const first = await site.start({ instance: 'a', drainMs: 300, handle });
  await site.dispatch('motion', await frames(site, 2));
  await until(() => seen.length, { what: 'a frame at work' });
  const signal = seen[0]?.signal;
  expect(await first.drain()).toEqual({ givenBack: 1, abandonedCalls: 1 });
  expect(signal?.aborted).toBe(true);
  await site.start({ instance: 'b', handle: () => 1 });
  await queueEmpty(site);
  expect(await site.books()).toEqual(['processed/handled cam1:1,2']);
  expect(
    (await site.settlements()).every(({ instance, redelivered }) => instance === 'b' && (redelivered ?? 0) > 0),
  ).toBe(true);
});

test('a second start after a crash registers again and goes on', async () => {
  await using site = await startSite();
  const crashed = await site.start({ instance: 'a', drainMs: 100, handle: () => new Promise(() => {}) });
  await site.dispatch('motion', await frames(site, 1));
  await until(() => crashed.stats().inFlight, { what: 'a frame at work' });
  await crashed.drain();
  await site.start({ instance: 'a', handle: () => 1 });
  await queueEmpty(site);
  expect(site.registrations).toHaveLength(2);
});

test('a queue that was deleted is asked for again', async () => {
  await using site = await startSite();
  const processor = await site.start({ handle: () => 1 });
  await deleteQueue(site, 'motion');
  await until(() => processor.stats().registrations === 2, { what: 'another registration', timeoutMs: 10_000 });
  await site.dispatch('motion', await frames(site, 1));
  await queueEmpty(site);
});

test('when the registry refuses it later, the instance drains and says so', async () => {
  await using site = await startSite();
  const processor = await site.start({ handle: () => 1 });
  site.refuse({ code: 403, text: 'forbidden' });
  await deleteQueue(site, 'motion');
  await expect(processor.ended).rejects.toMatchObject({ code: 'registration_rejected' });
  expect(await site.instance('motion', 'motion-1')).toBeUndefined();
});

test('the broker restarts while frames are at work: each is settled, none twice', async () => {
  await using site = await startSite();
  const { seen, handle, open } = gate();
  const processor = await site.start({ concurrency: 4, handle });
  await site.dispatch('motion', await frames(site, 3));
  await until(() => seen.length === 3, { what: 'frames at work' });
  await site.broker.restart();
  open();
  await queueEmpty(site, 20_000);
  expect(seen).toHaveLength(3);
  expect(await site.books()).toEqual(['processed/handled cam1:1,2,3']);
  // It goes on as before.
  await site.dispatch('motion', [await site.frame({ sequence: 4 })]);
  await until(() => processor.stats().processed === 4, { what: 'the next frame', timeoutMs: 20_000 });
});

test('a picture that the broker does not hand out for now is no fault of the frame', async () => {
  await using site = await startSite({ without: [STREAM.pixels] });
  const processor = await site.start({ handle: async (frame: Frame) => Buffer.from(await frame.pixels()).toString() });
  await site.dispatch('motion', [await site.frame({ sequence: 1, pixelSequence: 1 })]);
  await until(() => processor.stats().again, { what: 'another try', timeoutMs: 15_000 });
  await site.addStream(STREAM.pixels);
  await site.frame({ sequence: 1 }, Buffer.from('at last'));
  await queueEmpty(site);
  expect((await site.results()).map(({ result }) => result)).toEqual(['at last']);
  expect(await site.books()).toEqual(['processed/handled cam1:1']);
});

test('a message that is delivered again while in hand is not worked again', async () => {
  await using site = await startSite();
  let calls = 0;
  await site.start({
    concurrency: 2,
    ackWaitMs: 1_000,
    async handle() {
      calls += 1;
      // Longer than the ack wait, so that nothing can say "still at it".
      if (calls === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500);
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
  });
  await site.dispatch('motion', await frames(site, 1));
  await queueEmpty(site);
  expect(calls).toBe(1);
});

test('a message whose ack was lost is acknowledged again, not worked again', async () => {
  await using site = await startSite();
  const lost = vi.spyOn(Delivery.prototype, 'ack').mockImplementationOnce(() => undefined);
  const seen: number[] = [];
  await site.start({ ackWaitMs: 1_000, handle: (frame: Frame) => void seen.push(frame.sequence) });
  await site.dispatch('motion', await frames(site, 2));
  await until(() => lost.mock.calls.length === 2, { what: 'the second ack' });
  await queueEmpty(site);
  expect(seen).toEqual([1, 2]);
});

test('a heartbeat thread that dies is started again', async () => {
  await using site = await startSite();
  const threads: Worker[] = [];
  const onWorker = (thread: Worker) => threads.push(thread);
  process.on('worker', onWorker);
  try {
    await site.start({ handle: () => 1 });
    await threads[0]?.terminate();
    await until(() => threads.length === 2, { what: 'another thread' });
    await site.dispatch('motion', await frames(site, 1));
    await until(async () => (await site.instance('motion', 'motion-1'))?.processed === 1, { what: 'another beat' });
  } finally {
    process.off('worker', onWorker);
  }
});

test('a picture that is asked for and not looked at takes nothing with it', async () => {
  await using site = await startSite();
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  try {
    await site.start({
      async handle(frame: Frame) {
        const picture = frame.pixels();
        if (frame.sequence === 2) await picture;
      },
    });
    // Both are evicted; when the second answer is here, the first has been.
    await site.dispatch('motion', [await site.frame({ sequence: 1, pixelSequence: 4711 })]);
    await site.dispatch('motion', [await site.frame({ sequence: 2, pixelSequence: 4712 })]);
    await queueEmpty(site);
    expect(await site.books()).toEqual(['dead_lettered/pixels_evicted cam1:2', 'processed/handled cam1:1']);
    expect(unhandled).not.toHaveBeenCalled();
  } finally {
    process.off('unhandledRejection', unhandled);
  }
});

test('work that takes longer than the ack wait stays with its instance', async () => {
  await using site = await startSite();
  const { seen, handle, open } = gate();
  await site.start({ instance: 'a', ackWaitMs: 1_000, handle });
  await site.dispatch('motion', await frames(site, 1));
  await until(() => seen.length, { what: 'a frame at work' });
  const others: Frame[] = [];
  await site.start({ instance: 'b', ackWaitMs: 1_000, handle: (frame: Frame) => void others.push(frame) });
  await expect(until(() => others.length, { what: 'a redelivery', timeoutMs: 2_500 })).rejects.toThrow();
  open();
  await queueEmpty(site);
});
