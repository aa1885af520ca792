/** The SDK against a real broker: outcomes, their order, and what becomes of what fails. */
import { encodeBatch, frameId, openBatch, SequenceSet, STREAM } from '@frame-buffer/protocol';
import { until } from '@frame-buffer/testkit';
import { expect, test } from 'vitest';
import { queueEmpty, startSite } from '../tests/site.ts';
import type { Frame, ProcessorOptions } from './index.ts';

const picture = (text: string) => Buffer.from(`picture of ${text}`);

test('a frame is handled with its picture; result and settlement say so', async () => {
  await using site = await startSite();
  const seen: Frame[] = [];
  const processor = await site.start({
    async handle(frame: Frame) {
      seen.push(frame);
      const [once, again] = await Promise.all([frame.pixels(), frame.pixels()]);
      return { says: Buffer.from(once).toString(), sameTwice: once === again };
    },
  });
  const frame = await site.frame({ sequence: 7, priority: 9, attributes: { lane: 3 } }, picture('7'));
  await site.dispatch('motion', [frame], { ageMs: 250, attempt: 2, elapsedMs: 1000, generation: 4 });
  await queueEmpty(site);

  expect(seen[0]).toMatchObject({
    id: 'cam1.1.7',
    camera: 'cam1',
    epoch: 1,
    sequence: 7,
    priority: 9,
    attempt: 2,
    capability: 'motion',
    encoding: 'jpeg',
    attributes: { lane: 3 },
  });
  expect(seen[0]?.capturedAt.toISOString()).toBe('2026-01-02T03:04:05.678Z');
  const [result] = await site.results();
  expect(result).toMatchObject({
    frame: 'cam1.1.7',
    processor: 'motion',
    instance: 'motion-1',
    attempt: 2,
    capturedAt: '2026-01-02T03:04:05.678Z',
    result: { says: 'picture of 7', sameTwice: true },
  });
  expect(result?.ageMs).toBeGreaterThanOrEqual(1250);
  expect(result?.ageMs).toBeLessThan(1250 + 5_000);
  expect(await site.settlements()).toMatchObject([
    {
      camera: 'cam1',
      epoch: 1,
      capability: 'motion',
      kind: 'processed',
      reason: 'handled',
      processor: 'motion',
      instance: 'motion-1',
      dispatcher: 'orchestrator-1',
      generation: 4,
    },
  ]);
  expect(processor.stats()).toMatchObject({ messages: 1, frames: 1, processed: 1, inFlight: 0, queued: 0 });
});

test('undefined is no result, and processed all the same', async () => {
  await using site = await startSite();
  await site.start({ handle: () => undefined });
  await site.dispatch('motion', [await site.frame({ sequence: 1 })]);
  await queueEmpty(site);
  expect(await site.results()).toEqual([]);
  expect(await site.books()).toEqual(['processed/handled cam1:1']);
});

test('nothing is acknowledged before its settlement is stored', async () => {
  await using site = await startSite({ without: [STREAM.settlements] });
  const processor = await site.start({ handle: () => 'done' });
  await site.dispatch('motion', [await site.frame({ sequence: 1 })]);
  await until(() => processor.stats().processed, { what: 'the handler to be done' });
  await until(async () => (await site.results()).length, { what: 'the result' });
  // The broker confirms everything that the processor has sent so far: an ack would be among it.
  await expect(
    until(async () => (await site.waitingMessages()) === 0, { what: 'an ack', timeoutMs: 500 }),
  ).rejects.toThrow();

  await site.addStream(STREAM.settlements);
  await queueEmpty(site);
  expect(await site.books()).toEqual(['processed/handled cam1:1']);
  expect(await site.results()).toHaveLength(1);
});

test('nothing is settled before its result is stored', async () => {
  await using site = await startSite({ without: [STREAM.results] });
  const processor = await site.start({ handle: () => 'done' });
  await site.dispatch('motion', [await site.frame({ sequence: 1 })]);
  await until(() => processor.stats().processed, { what: 'the handler to be done' });
  await expect(
    until(async () => (await site.books()).length > 0, { what: 'a settlement', timeoutMs: 500 }),
  ).rejects.toThrow();
  await site.addStream(STREAM.results);
  await queueEmpty(site);
  expect(await site.books()).toEqual(['processed/handled cam1:1']);
});

test('a failing frame alone is dead-lettered, with its picture; its batch goes on', async () => {
  await using site = await startSite();
  await site.start({
    concurrency: 2,
    retries: 0,
    async handle(frame: Frame) {
      if (frame.sequence === 2) throw Object.assign(new TypeError('cannot see anything'), { code: 'BLIND' });
      return frame.sequence;
    },
  });
  const frames = await Promise.all([1, 2, 3].map((sequence) => site.frame({ sequence }, picture(String(sequence)))));
  await site.dispatch('motion', frames, { attempt: 1 });
  await queueEmpty(site);
  expect(await site.books()).toEqual(['dead_lettered/handler_failed cam1:2', 'processed/handled cam1:1,3']);
  const [letter, ...others] = await site.deadLetters();
  expect(others).toEqual([]);
  expect(letter).toMatchObject({
    subject: 'dead.motion.handler_failed',
    frame: 'cam1.1.2',
    record: {
      frame: 'cam1.1.2',
      capability: 'motion',
      processor: 'motion',
      instance: 'motion-1',
      reason: 'handler_failed',
      error: { name: 'TypeError', code: 'BLIND', message: 'cannot see anything' },
      attempts: 2,
      source: 'work.motion.normal',
    },
  });
  expect(Buffer.from(letter?.payload ?? []).toString()).toBe('picture of 2');
});

test('what is no result fails the frame: not JSON, too large for a message', async () => {
  await using site = await startSite();
  const values: Record<number, unknown> = { 1: 1n, 2: () => 1, 3: 'x'.repeat(9_000_000), 4: null };
  await site.start({ handle: (frame: Frame) => values[frame.sequence] });
  await site.dispatch('motion', await Promise.all([1, 2, 3, 4].map((sequence) => site.frame({ sequence }))));
  await queueEmpty(site);
  expect((await site.deadLetters()).map(({ record }) => record.error.code).sort()).toEqual([
    'invalid_result',
    'invalid_result',
    'result_too_large',
  ]);
  expect(await site.books()).toEqual(['dead_lettered/handler_failed cam1:1,2,3', 'processed/handled cam1:4']);
});

test('a picture that has aged out, or whose place another has taken, is said to be evicted', async () => {
  await using site = await startSite();
  await site.start({ handle: async (frame: Frame) => (await frame.pixels()).length });
  const other = await site.frame({ sequence: 1, camera: 'cam2' }, picture('another'));
  await site.dispatch('motion', [
    await site.frame({ sequence: 1, pixelSequence: 4711 }),
    await site.frame({ sequence: 2, pixelSequence: other.pixelSequence }),
  ]);
  await queueEmpty(site);
  expect(await site.books()).toEqual(['dead_lettered/pixels_evicted cam1:1,2']);
  expect((await site.deadLetters()).map(({ payload }) => payload.length)).toEqual([0, 0]);
});

test('a handler that takes too long loses its place, and its late result is ignored', async () => {
  await using site = await startSite();
  const release = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  const processor = await site.start({
    concurrency: 2,
    retries: 0,
    timeoutMs: 100,
    async handle(frame: Frame) {
      if (frame.sequence > 1) return frame.sequence;
      signals.push(frame.signal);
      await release.promise;
      return 'too late';
    },
  });
  const frames = await Promise.all([1, 2].map((sequence) => site.frame({ sequence }, picture(String(sequence)))));
  await site.dispatch('motion', frames);
  await queueEmpty(site);
  expect(signals[0]?.aborted).toBe(true);
  release.resolve();
  await until(() => processor.stats().late, { what: 'the late result' });
  expect(await site.books()).toEqual(['dead_lettered/timed_out cam1:1', 'processed/handled cam1:2']);
  expect((await site.results()).map(({ result }) => result)).toEqual([2]);
  const [letter] = await site.deadLetters();
  expect(letter).toMatchObject({ subject: 'dead.motion.timed_out', record: { error: { code: 'timed_out' } } });
  expect(Buffer.from(letter?.payload ?? []).toString()).toBe('picture of 1');
});

test('expired frames are settled without the handler seeing them', async () => {
  await using site = await startSite();
  const seen: number[] = [];
  await site.start({ handle: (frame: Frame) => void seen.push(frame.sequence) });
  const frames = [
    await site.frame({ sequence: 1, maxAgeMs: 1_000 }),
    await site.frame({ sequence: 2, maxAgeMs: 60_000 }),
  ];
  await site.dispatch('motion', frames, { ageMs: 1_500 });
  await queueEmpty(site);
  expect(seen).toEqual([2]);
  expect(await site.books()).toEqual(['expired/deadline cam1:1', 'processed/handled cam1:2']);
});

test('a message that is no batch is dead-lettered as it came; a damaged record costs its frame alone', async () => {
  await using site = await startSite();
  const processor = await site.start({ handle: () => 'ok' });
  await site.dispatchRaw('motion', Buffer.from('this is no batch'));
  const frames = await Promise.all([1, 2].map((sequence) => site.frame({ sequence })));
  const batch = encodeBatch(
    { capability: 'motion' },
    frames.map((frame) => ({ frame, ageMs: 0 })),
  );
  const opened = openBatch(batch);
  if (opened.ok) opened.batch.recordBytes(0).fill(0xc1);
  await site.dispatchRaw('motion', batch);
  await queueEmpty(site);
  expect(processor.stats()).toMatchObject({ undecodable: 1, deadLettered: 1, processed: 1 });
  expect(await site.books()).toEqual(['dead_lettered/undecodable cam1:1', 'processed/handled cam1:2']);
  const letters = await site.deadLetters();
  const raw = letters.find(({ frame }) => frame === '');
  expect(raw?.subject).toBe('dead.motion.undecodable');
  expect(Buffer.from(raw?.payload ?? []).toString()).toBe('this is no batch');
  expect(letters.find(({ frame }) => frame === 'cam1.1.1')?.record.reason).toBe('undecodable');
});

test('an unknown version is held, counted and never dead-lettered', async () => {
  await using site = await startSite();
  const processor = await site.start({ handle: () => 'ok' });
  const batch = encodeBatch({ capability: 'motion' }, [{ frame: await site.frame({ sequence: 1 }), ageMs: 0 }]);
  batch[2] = 99;
  await site.dispatchRaw('motion', batch);
  await until(() => processor.stats().unsupported, { what: 'the message to be held' });
  expect(await site.waitingMessages()).toBe(1);
  expect(await site.deadLetters()).toEqual([]);
  // What comes after it is worked.
  await site.dispatch('motion', [await site.frame({ sequence: 2 })]);
  await until(() => processor.stats().processed, { what: 'the next message' });
});

test('frames of a capability that is not ours do not reach the handler', async () => {
  await using site = await startSite();
  await site.start({ handle: () => 'ok' });
  await site.dispatch('motion', [await site.frame({ sequence: 1 })], { capability: 'ocr-plate' });
  await queueEmpty(site);
  expect((await site.deadLetters())[0]?.record.error.code).toBe('wrong_capability');
});

test('handleBatch gets calls assembled across messages and cameras; each frame has its own outcome', async () => {
  await using site = await startSite();
  const calls: string[][] = [];
  const batches: Partial<ProcessorOptions> = {
    retries: 0,
    maxBatch: 4,
    maxWaitMs: 30_000,
    handleBatch(frames) {
      calls.push(frames.map(({ id }) => id));
      return frames.map(({ camera }, i) => (camera === 'cam2' ? new Error('not this one') : i));
    },
  };
  await site.start(batches);
  const at = (camera: string, sequence: number) => site.frame({ camera, sequence });
  await site.dispatch('motion', [await at('cam1', 1), await at('cam2', 1)]);
  await site.dispatch('motion', [await at('cam3', 1)]);
  await site.dispatch('motion', [await at('cam1', 2), await at('cam1', 3), await at('cam1', 4)]);
  await site.dispatch('motion', [await at('cam3', 2), await at('cam3', 3)]);
  await queueEmpty(site);
  expect(calls).toEqual([
    ['cam1.1.1', 'cam2.1.1', 'cam3.1.1', 'cam1.1.2'],
    ['cam1.1.3', 'cam1.1.4', 'cam3.1.2', 'cam3.1.3'],
  ]);
  expect(await site.books()).toEqual([
    'dead_lettered/handler_failed cam2:1',
    'processed/handled cam1:1,2,3,4',
    'processed/handled cam3:1,2,3',
  ]);
  expect(site.registrations[0]).toMatchObject({ concurrency: 4, maxBatch: 64, settles: true, liveness: 'heartbeat' });
});

test('handleBatch: a short call leaves after maxWaitMs; a throw or a wrong number of results fails all of it', async () => {
  await using site = await startSite();
  const answers: (() => unknown[])[] = [
    () => [1],
    () => {
      throw new Error('out of memory');
    },
  ];
  await site.start({
    retries: 0,
    maxBatch: 8,
    maxWaitMs: 5,
    handleBatch: () => answers.shift()?.() ?? [],
  } as Partial<ProcessorOptions>);
  await site.dispatch('motion', [await site.frame({ sequence: 1 }), await site.frame({ sequence: 2 })]);
  await queueEmpty(site);
  await site.dispatch('motion', [await site.frame({ sequence: 3 }), await site.frame({ sequence: 4 })]);
  await queueEmpty(site);
  expect(await site.books()).toEqual(['dead_lettered/handler_failed cam1:1,2,3,4']);
  expect((await site.deadLetters()).map(({ record }) => record.error.code ?? record.error.message)).toEqual([
    'invalid_batch_result',
    'invalid_batch_result',
    'out of memory',
    'out of memory',
  ]);
});

test('two instances share slow work, and each frame is handled once', async () => {
  await using site = await startSite();
  const handled: Record<string, string[]> = { a: [], b: [] };
  const slow = (who: string) => async (frame: Frame) => {
    handled[who]?.push(frame.id);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await site.start({ instance: 'a', concurrency: 2, handle: slow('a') });
  await site.start({ instance: 'b', concurrency: 2, handle: slow('b') });
  const frames = await Promise.all(Array.from({ length: 80 }, (_, i) => site.frame({ sequence: i + 1 })));
  for (const frame of frames) await site.dispatch('motion', [frame]);
  await queueEmpty(site, 15_000);
  expect([...(handled['a'] ?? []), ...(handled['b'] ?? [])].sort()).toEqual(frames.map(frameId).sort());
  expect(handled['a']?.length).toBeGreaterThan(15);
  expect(handled['b']?.length).toBeGreaterThan(15);
  const settled = new SequenceSet();
  for (const { sequences } of await site.settlements()) settled.addAll(sequences);
  expect(settled.toWire()).toEqual([1, 80]);
});
