/** An instance of an ordered processor against a real broker; the test plays registry and orchestrator. */
import { JsonBucket, type Publisher } from '@frame-buffer/jetstream';
import {
  type Assignment,
  assignmentKey,
  assignmentSchema,
  BUCKET,
  encodeBatch,
  encodeSettlement,
  endpoint,
  type FrameDescriptor,
  fenceSubject,
  partitionDurable,
  partitionLane,
  processorSchema,
  type ReleaseRequest,
  STREAM,
  subject,
} from '@frame-buffer/protocol';
import { until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Site, startSite } from '../../tests/site.ts';
import type { Frame } from '../frame.ts';

const registration = processorSchema.parse({ name: 'motion', capabilities: ['motion'], ackWaitMs: 5_000 });
const PARTITION = 3;

let site: Site;
let bucket: JsonBucket<Assignment>;
let releases: ReleaseRequest[];

beforeEach(async () => {
  site = await startSite({ registry: false });
  bucket = await JsonBucket.open({ nc: site.nc, bucket: BUCKET.assignments, schema: assignmentSchema });
  releases = [];
  site.nc.subscribe(endpoint.registerProcessor, {
    callback: (_error, message) => void message.respond(JSON.stringify({ partitions: 8 })),
  });
  site.nc.subscribe(endpoint.releasePartition, {
    callback: (_error, message) => {
      releases.push(message.json<ReleaseRequest>());
      message.respond('{"released":true}');
    },
  });
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

async function fence(to: string, payload: Uint8Array): Promise<number> {
  const publisher: Publisher = site.publisher;
  const result = await publisher.publish(to, payload);
  if (!result.ok) throw new Error(result.detail);
  return result.sequence;
}

/** As the registry does it: the former epoch's consumer goes, fences, the next one's comes, the record says so. */
async function assign(epoch: number, more: Partial<Assignment> = {}, partition = PARTITION): Promise<void> {
  await site.topology.deleteWorkConsumer(partitionDurable('motion', partition, epoch - 1));
  const settlementsFence = await fence(
    fenceSubject.settlements('motion', partition),
    encodeSettlement({ writer: 'registry', entries: [] }),
  );
  const resultsFence = await fence(fenceSubject.results('motion', partition), Buffer.from('{}'));
  await site.topology.ensurePartition(registration, partition, epoch);
  const record = assignmentSchema.parse({
    instance: 'motion-1',
    epoch,
    state: 'assigned',
    settlementsFence,
    resultsFence,
    ...more,
  });
  await bucket.put(assignmentKey('motion', partition), record);
}

async function dispatch(
  frames: readonly (Partial<FrameDescriptor> & { sequence: number })[],
  partition = PARTITION,
): Promise<void> {
  const described = await Promise.all(frames.map((frame) => site.frame(frame)));
  const batch = encodeBatch(
    { capability: 'motion', dispatcher: 'orchestrator-1' },
    described.map((frame) => ({ frame, ageMs: 0 })),
  );
  const result = await site.publisher.publish(subject.work('motion', partitionLane(partition)), batch);
  if (!result.ok) throw new Error(result.detail);
}

const results = async () => {
  const jsm = await jetstreamManager(site.nc, { checkAPI: false });
  const { state } = await jsm.streams.info(STREAM.results);
  const frames: string[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
    const message = await jsm.streams.getMessage(STREAM.results, { seq });
    if (message !== null && !message.subject.startsWith('results._fence.'))
      frames.push(message.json<{ frame: string }>().frame);
  }
  return frames;
};
const idle = () => until(() => site.waitingMessages(), { what: 'an empty queue', is: (count) => count === 0 });
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ sequence: from + i }));

test('P1 P3 - frames of a camera one after the other, cameras beside one another, everything settled before the ack', async () => {
  const log: string[] = [];
  let atOnce = 0;
  let most = 0;
  await assign(1, { instance: 'somebody-else' }, 4);
  const processor = await site.start({
    concurrency: 4,
    handle: async (frame: Frame) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setTimeout(resolve, frame.sequence % 3));
      log.push(frame.id);
      atOnce -= 1;
      return { n: frame.sequence };
    },
  });
  await assign(1);
  await dispatch(
    numbers(1, 5).flatMap(({ sequence }) => [
      { camera: 'a', sequence },
      { camera: 'b', sequence },
    ]),
  );
  await dispatch(
    numbers(5, 9).flatMap(({ sequence }) => [
      { camera: 'a', sequence },
      { camera: 'b', sequence },
    ]),
  );
  await dispatch([{ camera: 'c', sequence: 1 }], 4);
  await until(() => log.length, { what: 'all frames', is: (length) => length === 16 });
  await until(() => site.waitingMessages(), { what: 'only the other owner to have work', is: (count) => count === 1 });
  for (const camera of ['a', 'b'])
    expect(log.filter((id) => id.startsWith(`${camera}.`))).toEqual(
      numbers(1, 9).map(({ sequence }) => `${camera}.1.${sequence}`),
    );
  expect(most).toBe(2);
  expect(await site.books()).toEqual(['processed/handled a:1,2,3,4,5,6,7,8', 'processed/handled b:1,2,3,4,5,6,7,8']);
  expect((await results()).sort()).toEqual([...log].sort());
  expect(processor.stats()).toMatchObject({ processed: 16, queued: 0, inFlight: 0, redelivered: 0 });
});

test('a frame that fails is tried again in place, then dead-lettered, and the next one follows; late ones are superseded', async () => {
  const log: number[] = [];
  await site.start({
    handle: (frame: Frame) => {
      log.push(frame.sequence);
      if (frame.sequence === 2) throw new Error('bad');
      return frame.sequence;
    },
  });
  await assign(1);
  await dispatch(numbers(1, 4));
  await dispatch([{ sequence: 5 }]);
  await dispatch([{ sequence: 4 }]);
  await dispatch([{ sequence: 5 }, { sequence: 6 }]);
  await idle();
  expect(log).toEqual([1, 2, 2, 2, 3, 5, 6]);
  expect(await site.books()).toEqual([
    'dead_lettered/handler_failed cam1:2',
    'processed/handled cam1:1,3,5,6',
    'superseded/late cam1:4',
  ]);
  expect((await site.deadLetters()).map(({ frame }) => frame)).toEqual(['cam1.1.2']);
});

test('told to drain, it finishes what is in hand and gives the partition back with its positions', async () => {
  const gate = Promise.withResolvers<void>();
  const log: number[] = [];
  await site.start({
    handle: async (frame: Frame) => {
      log.push(frame.sequence);
      await gate.promise;
    },
  });
  await assign(1);
  await dispatch(numbers(1, 3));
  await dispatch(numbers(3, 5));
  await until(() => log.length, { what: 'work', is: (length) => length === 1 });
  const record = await bucket.get(assignmentKey('motion', PARTITION));
  await bucket.put(assignmentKey('motion', PARTITION), assignmentSchema.parse({ ...record?.value, state: 'draining' }));
  await until(() => site.topology.deliveryState(partitionDurable('motion', PARTITION, 1)), {
    what: 'one in hand',
    is: (state) => state?.inHand === 1,
  });
  expect(releases).toEqual([]);
  gate.resolve();
  await until(() => releases.length, { what: 'the release' });
  expect(releases).toMatchObject([
    { partition: PARTITION, instance: 'motion-1', epoch: 1, positions: { cam1: [1, 2] } },
  ]);
  expect(log).toEqual([1, 2]);
  expect(await site.books()).toEqual(['processed/handled cam1:1,2']);
  expect(await site.waitingMessages()).toBe(1);
});

test('SIGTERM: a drain finishes what is in hand and gives back at once; an end that comes too soon says so', async () => {
  const gate = Promise.withResolvers<void>();
  let began = 0;
  const processor = await site.start({
    handle: async () => {
      began += 1;
      await gate.promise;
    },
  });
  await assign(1);
  await dispatch(numbers(1, 2));
  await until(() => began, { what: 'work' });
  const draining = processor.drain();
  gate.resolve();
  expect(await draining).toEqual({ givenBack: 0, abandonedCalls: 0 });
  expect(releases).toMatchObject([{ epoch: 1, positions: { cam1: [1, 1] } }]);
  expect(await site.waitingMessages()).toBe(0);
});

test('fenced: what is in hand comes to nothing, nothing more is begun, and nothing of it is taken', async () => {
  const gate = Promise.withResolvers<void>();
  const log: number[] = [];
  await site.start({
    handle: async (frame: Frame) => {
      log.push(frame.sequence);
      if (log.length === 1) await gate.promise;
      return { n: frame.sequence };
    },
  });
  await assign(1);
  await dispatch(numbers(1, 4));
  await until(() => log.length, { what: 'work' });
  // Taken over without its knowing: the record still names it.
  await site.topology.deleteWorkConsumer(partitionDurable('motion', PARTITION, 1));
  await fence(fenceSubject.settlements('motion', PARTITION), encodeSettlement({ writer: 'registry', entries: [] }));
  await fence(fenceSubject.results('motion', PARTITION), Buffer.from('{}'));
  // As one that was frozen: longer than it goes on without being sure that the partition is still its own.
  const at = performance.now();
  await until(() => performance.now() - at > 1_100, { what: 'it to be unsure' });
  gate.resolve();
  await until(() => releases.length, { what: 'it to say that it cannot go on' });
  expect(log).toEqual([1]);
  expect(await site.books()).toEqual([]);
  expect(await results()).toEqual([]);
  expect(await site.waitingMessages()).toBe(1);
  // The next epoch is its own again: the frames are worked once more, and counted as repeats.
  await assign(3, { mayRepeat: true });
  await idle();
  expect(log).toEqual([1, 1, 2, 3]);
  expect(await site.books()).toEqual(['processed/handled cam1:1,2,3']);
  expect((await site.settlements()).reduce((sum, { redelivered = 0 }) => sum + redelivered, 0)).toBe(3);
});

test('what the former owner concluded of a message that it left is not worked again, and what came before it is late', async () => {
  const log: number[] = [];
  await site.start({ handle: (frame: Frame) => void log.push(frame.sequence) });
  await dispatch(numbers(3, 7));
  await dispatch([{ sequence: 2 }]);
  await assign(5, { mayRepeat: true, positions: { cam1: [1, 4] } });
  await idle();
  expect(log).toEqual([5, 6]);
  expect(await site.books()).toEqual(['processed/handled cam1:5,6', 'superseded/late cam1:2']);
});

test('A1 - an assignment that a namesake left behind is given back unused', async () => {
  await assign(7);
  await dispatch(numbers(1, 2));
  const log: number[] = [];
  await site.start({ handle: (frame: Frame) => void log.push(frame.sequence) });
  await until(() => releases.length, { what: 'the release' });
  expect(releases).toMatchObject([{ partition: PARTITION, epoch: 7 }]);
  expect(log).toEqual([]);
  await assign(8);
  await idle();
  expect(log).toEqual([1]);
});
