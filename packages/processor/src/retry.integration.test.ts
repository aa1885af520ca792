/** Retries against a real broker: a frame that fails goes back to its lane alone, for as many attempts as it has. */
import { frameId, STREAM } from '@frame-buffer/protocol';
import { until } from '@frame-buffer/testkit';
import { expect, test } from 'vitest';
import { queueEmpty, startSite } from '../tests/site.ts';
import { type Frame, type ProcessorOptions, TerminalError } from './index.ts';

const picture = (text: string) => Buffer.from(`picture of ${text}`);

test('a frame that fails goes back alone, due later, older and one attempt on; its batch goes on', async () => {
  await using site = await startSite();
  const processor = await site.start({
    handle(frame: Frame) {
      if (frame.sequence === 2) throw new Error('not now');
    },
  });
  const frames = await Promise.all(
    [1, 2, 3].map((sequence) => site.frame({ sequence, maxAgeMs: 60_000, attributes: { nth: sequence } })),
  );
  await site.dispatch('motion', frames, { ageMs: 100, attempt: 1, elapsedMs: 5_000, generation: 7 });
  await queueEmpty(site);

  const [one, ...others] = await site.returned();
  expect(others).toEqual([]);
  expect(one).toMatchObject({ subject: 'frames.motion.retry', msgId: 'retry.cam1.1.2.motion.2.7' });
  expect(one?.batch).toMatchObject({ capability: 'motion', dispatcher: '', generation: 7, frameCount: 1 });
  expect(one?.batch.frame(0)).toEqual(frames[1]);
  expect(one?.batch.attempt(0)).toBe(2);
  // 1 s · 2^1, of which up to half is chance.
  expect(one?.batch.delayMs).toBeGreaterThanOrEqual(1_000);
  expect(one?.batch.delayMs).toBeLessThanOrEqual(2_000);
  expect(one?.batch.ageAtPublishMs(0)).toBeGreaterThan(5_100);
  expect(one?.batch.ageAtPublishMs(0)).toBeLessThan(10_000);

  expect(await site.books()).toEqual(['processed/handled cam1:1,3', 'returned/handler_failed cam1:2']);
  const returned = (await site.settlements()).find(({ kind }) => kind === 'returned');
  expect(returned).toMatchObject({ dispatcher: 'orchestrator-1', instance: 'motion-1', generation: 7 });
  expect(await site.deadLetters()).toEqual([]);
  expect(processor.stats()).toMatchObject({ processed: 2, retried: 1, deadLettered: 0 });
});

test('nothing is settled before the return is stored, and nothing acknowledged', async () => {
  await using site = await startSite({ without: [STREAM.frames] });
  const processor = await site.start({ handle: () => Promise.reject(new Error('no')) });
  await site.dispatch('motion', [await site.frame({ sequence: 1 })]);
  await until(() => processor.stats().retried, { what: 'the handler to have failed' });
  const early = until(async () => (await site.books()).length > 0 || (await site.waitingMessages()) === 0, {
    what: 'a settlement or an ack',
    timeoutMs: 500,
  });
  await expect(early).rejects.toThrow();
  await site.addStream(STREAM.frames);
  await queueEmpty(site);
  expect(await site.books()).toEqual(['returned/handler_failed cam1:1']);
  expect(await site.returned()).toHaveLength(1);
});

test('a frame that failed twice in the same attempt is returned once', async () => {
  await using site = await startSite();
  await site.start({ handle: () => Promise.reject(new Error('no')) });
  const frame = await site.frame({ sequence: 1 });
  await site.dispatch('motion', [frame]);
  await site.dispatch('motion', [frame]);
  await queueEmpty(site);
  expect(await site.returned()).toHaveLength(1);
  // Another attempt, or another generation, is something else.
  await site.dispatch('motion', [frame], { attempt: 1 });
  await site.dispatch('motion', [frame], { generation: 1 });
  await queueEmpty(site);
  expect((await site.returned()).map(({ msgId }) => msgId)).toEqual([
    'retry.cam1.1.1.motion.1.0',
    'retry.cam1.1.1.motion.2.0',
    'retry.cam1.1.1.motion.1.1',
  ]);
});

test('a call that takes too long goes back as timed out', async () => {
  await using site = await startSite();
  await site.start({ timeoutMs: 50, concurrency: 2, handle: () => new Promise(() => {}), drainMs: 100 });
  await site.dispatch('motion', [await site.frame({ sequence: 1 })]);
  await queueEmpty(site);
  expect(await site.books()).toEqual(['returned/timed_out cam1:1']);
  expect((await site.returned())[0]?.batch.attempt(0)).toBe(1);
});

test('after the last retry it is dead-lettered, with its attempts and its picture', async () => {
  await using site = await startSite();
  await site.start({ retries: 2, handle: () => Promise.reject(new Error('never')) });
  await site.dispatch('motion', [await site.frame({ sequence: 1 }, picture('1'))], { attempt: 1 });
  await site.dispatch('motion', [await site.frame({ sequence: 2 }, picture('2'))], { attempt: 2 });
  await queueEmpty(site);
  expect(await site.books()).toEqual(['dead_lettered/handler_failed cam1:2', 'returned/handler_failed cam1:1']);
  const [letter] = await site.deadLetters();
  expect(letter).toMatchObject({ frame: 'cam1.1.2', record: { attempts: 3, reason: 'handler_failed' } });
  expect(Buffer.from(letter?.payload ?? []).toString()).toBe('picture of 2');
});

test('what cannot end otherwise is dead-lettered at once: hopeless frames, evicted pictures, too little life', async () => {
  await using site = await startSite();
  const processor = await site.start({
    async handle(frame: Frame) {
      if (frame.sequence === 1) throw new TerminalError('no face can be seen', { code: 'NO_FACE' });
      if (frame.sequence === 2) await frame.pixels();
      throw new Error('no');
    },
  });
  await site.dispatch('motion', [
    await site.frame({ sequence: 1 }),
    await site.frame({ sequence: 2, pixelSequence: 4711 }),
    // The next attempt would begin after half a second at the earliest.
    await site.frame({ sequence: 3, maxAgeMs: 500 }),
  ]);
  await queueEmpty(site);
  expect(await site.books()).toEqual(['dead_lettered/handler_failed cam1:1,3', 'dead_lettered/pixels_evicted cam1:2']);
  expect(
    (await site.deadLetters()).map(({ frame, record }) => [frame, record.error.code, record.attempts]).sort(),
  ).toEqual([
    ['cam1.1.1', 'NO_FACE', 1],
    ['cam1.1.2', 'pixels_evicted', 1],
    ['cam1.1.3', undefined, 1],
  ]);
  expect(await site.returned()).toEqual([]);
  expect(processor.stats()).toMatchObject({ retried: 0, deadLettered: 3 });
});

test('handleBatch: who spoils a call shows at the next attempt, where each is alone', async () => {
  await using site = await startSite();
  const calls: string[][] = [];
  await site.start({
    maxBatch: 4,
    maxWaitMs: 30_000,
    handleBatch(frames) {
      calls.push(frames.map(frameId));
      if (frames.some(({ sequence }) => sequence === 2)) throw new Error('out of memory');
      return frames.map(() => undefined);
    },
  } as Partial<ProcessorOptions>);
  const frames = await Promise.all([1, 2, 3, 4].map((sequence) => site.frame({ sequence })));
  await site.dispatch('motion', frames);
  await queueEmpty(site);
  expect((await site.returned()).map(({ batch }) => batch.sequence(0))).toEqual([1, 2, 3, 4]);
  await site.dispatch('motion', frames, { attempt: 1 });
  await queueEmpty(site);
  expect(calls).toEqual([
    ['cam1.1.1', 'cam1.1.2', 'cam1.1.3', 'cam1.1.4'],
    ['cam1.1.1'],
    ['cam1.1.2'],
    ['cam1.1.3'],
    ['cam1.1.4'],
  ]);
  expect(await site.books()).toEqual(['processed/handled cam1:1,3,4', 'returned/handler_failed cam1:1,2,3,4']);
});

test('the frame with the least life left goes first, those without deadline last', async () => {
  await using site = await startSite();
  const open = Promise.withResolvers<void>();
  const seen: number[] = [];
  await site.start({
    async handle(frame: Frame) {
      seen.push(frame.sequence);
      if (frame.sequence === 1) await open.promise;
    },
  });
  const lives = [0, 0, 60_000, 20_000, 40_000, 20_000, 0];
  await site.dispatch(
    'motion',
    await Promise.all(
      lives.map((maxAgeMs, i) => site.frame({ sequence: i + 1, maxAgeMs: i === 0 ? 10_000 : maxAgeMs })),
    ),
  );
  await until(() => seen.length, { what: 'the first frame at work' });
  open.resolve();
  await queueEmpty(site);
  expect(seen).toEqual([1, 4, 6, 5, 3, 2, 7]);
});
