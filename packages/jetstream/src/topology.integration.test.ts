import {
  BUCKET,
  bucketDefinitions,
  LANES,
  type Processor,
  STREAM,
  type StreamDefinition,
  streamDefinitions,
} from '@frame-buffer/protocol';
import { DiscardPolicy } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, openBench, text } from './fixtures/bench.ts';
import { MAX_DELIVER, type Provisioned, Topology } from './topology.ts';

let bench: Bench;
let topology: Topology;

// A store of its own for each test: the names are the system's.
beforeEach(async () => {
  bench = await openBench();
  topology = await Topology.open(await bench.connect());
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

const processor = {
  name: 'motion',
  capabilities: ['motion'],
  ackWaitMs: 30_000,
  settles: true,
} as unknown as Processor;

async function provision(by = topology): Promise<Provisioned[]> {
  const made: Provisioned[] = [];
  for (const definition of streamDefinitions()) made.push(await by.ensureStream(definition));
  for (const definition of bucketDefinitions) made.push(await by.ensureBucket(definition));
  for (const lane of LANES) made.push(await by.ensureLane('motion', lane));
  made.push(await by.ensureProcessor(processor));
  return made;
}

const statesOf = (made: readonly Provisioned[]) => new Set(made.map(({ state }) => state));

function definitionOf(name: string): StreamDefinition {
  const found = streamDefinitions().find((definition) => definition.name === name);
  if (found === undefined) throw new Error(`no definition of ${name}`);
  return found;
}

test('topology - creates everything once, and finds it unchanged afterwards', async () => {
  const created = await provision();
  expect(statesOf(created)).toEqual(new Set(['created']));
  const verified = await provision();
  expect(verified.flatMap(({ differences }) => differences)).toEqual([]);
  expect(statesOf(verified)).toEqual(new Set(['verified']));
  await bench.outage();
  const again = await Topology.open(await bench.connect());
  expect(statesOf(await provision(again))).toEqual(new Set(['verified']));
});

test('topology - what the broker has is what was asked for', async () => {
  await provision();
  const work = (await bench.jsm.streams.info(STREAM.work)).config;
  expect(work).toMatchObject({
    retention: 'workqueue',
    discard: 'new',
    discard_new_per_subject: true,
    max_msgs_per_subject: 1024,
    storage: 'file',
    num_replicas: 1,
    duplicate_window: 120e9,
  });
  const pixels = (await bench.jsm.streams.info(STREAM.pixels)).config;
  expect(pixels).toMatchObject({ retention: 'limits', discard: 'old', allow_direct: true, max_age: 600e9 });
  const lane = (await bench.jsm.consumers.info(STREAM.frames, 'motion_normal')).config;
  expect(lane).toMatchObject({
    filter_subject: 'frames.motion.normal',
    ack_policy: 'explicit',
    deliver_policy: 'all',
    ack_wait: 10e9,
    max_deliver: -1,
    max_ack_pending: 4096,
  });
  const queue = (await bench.jsm.consumers.info(STREAM.work, 'motion')).config;
  expect(queue).toMatchObject({ filter_subject: 'work.motion.*', ack_wait: 30e9, max_deliver: MAX_DELIVER });
  const instances = await (await new Kvm(await bench.connect()).open(BUCKET.instances)).status();
  expect(instances).toMatchObject({ ttl: 3_000, markerTTL: 10_000, history: 1 });
});

test('topology - a difference is reported and not overwritten', async () => {
  const wanted = definitionOf(STREAM.work);
  await bench.jsm.streams.add({
    name: STREAM.work,
    subjects: ['work.*.*'],
    retention: 'workqueue',
    discard: DiscardPolicy.New,
    max_bytes: 1_000_000,
    max_msgs_per_subject: 5,
    discard_new_per_subject: true,
    allow_direct: true,
  });
  const { state, differences } = await topology.ensureStream(wanted);
  expect(state).toBe('different');
  expect(differences).toEqual([
    { field: 'max_bytes', wanted: wanted.maxBytes, found: 1_000_000 },
    { field: 'max_msgs_per_subject', wanted: 1024, found: 5 },
  ]);
  expect((await bench.jsm.streams.info(STREAM.work)).config.max_msgs_per_subject).toBe(5);
});

test('topology - differences of buckets and consumers', async () => {
  await new Kvm(await bench.connect()).create(BUCKET.instances, { history: 1, ttl: 60_000 });
  const instances = bucketDefinitions.find(({ name }) => name === BUCKET.instances);
  if (instances === undefined) throw new Error('no bucket of instances');
  const bucket = await topology.ensureBucket(instances);
  expect(bucket.differences.map(({ field }) => field)).toEqual(['max_age', 'subject_delete_marker_ttl']);

  await topology.ensureStream(definitionOf(STREAM.work));
  await bench.durable(STREAM.work, 'motion', { filter_subject: 'work.motion.high', ack_wait: 30e9 });
  const consumer = await topology.ensureProcessor(processor);
  expect(consumer.state).toBe('different');
  expect(consumer.differences.map(({ field }) => field)).toEqual(['filter_subject', 'max_ack_pending', 'max_deliver']);
  const { config } = await bench.jsm.consumers.info(STREAM.work, 'motion');
  expect(config.filter_subject).toBe('work.motion.high');
});

test('topology - several registries that start at once', async () => {
  const registries = await Promise.all(Array.from({ length: 4 }, async () => Topology.open(await bench.connect())));
  const made = (await Promise.all(registries.map((registry) => provision(registry)))).flat();
  expect(made.flatMap(({ differences }) => differences)).toEqual([]);
  expect(statesOf(await provision())).toEqual(new Set(['verified']));
});

test('topology - who loses the race to another definition reports the difference', async () => {
  const others: StreamDefinition = { ...definitionOf(STREAM.work), maxMessagesPerSubject: 7 };
  const second = await Topology.open(await bench.connect());
  const made = await Promise.all([topology.ensureStream(definitionOf(STREAM.work)), second.ensureStream(others)]);
  const states = made.map(({ state }) => state).toSorted();
  expect(states).toEqual(['created', 'different']);
});

test('topology - a processor that registers again with other settings', async () => {
  await topology.ensureStream(definitionOf(STREAM.work));
  await topology.ensureProcessor(processor);
  await (await bench.connect()).request('work.motion.normal', 'x');
  const plain = { ...processor, ackWaitMs: 5_000, settles: false };
  expect((await topology.ensureProcessor(plain)).differences.map(({ field }) => field)).toEqual([
    'ack_wait',
    'sample_freq',
  ]);
  await topology.updateProcessor(plain);
  expect(await topology.ensureProcessor(plain)).toMatchObject({ state: 'verified' });
  expect((await topology.ensureProcessor(processor)).differences).toHaveLength(2);
  await topology.updateProcessor(processor);
  expect(await topology.ensureProcessor(processor)).toMatchObject({ state: 'verified' });
  expect(await topology.queueLength('motion')).toBe(1);
});

test('topology - the length of a queue, and the end of a processor', async () => {
  await topology.ensureStream(definitionOf(STREAM.work));
  expect(await topology.queueLength('motion')).toBeUndefined();
  await topology.ensureProcessor(processor);
  const nc = await bench.connect();
  for (const lane of ['high', 'low', 'retry']) await nc.request(`work.motion.${lane}`, text('x'));
  await nc.request('work.other.high', text('x'));
  expect(await topology.queueLength('motion')).toBe(3);
  await topology.deleteProcessor('motion');
  await topology.deleteProcessor('motion');
  expect(await topology.queueLength('motion')).toBeUndefined();
  expect(await bench.messages(STREAM.work)).toBe(4);
});

test('topology - what the broker refuses is its error, with its code', async () => {
  await topology.ensureStream(definitionOf(STREAM.frames));
  const overlapping = { ...definitionOf(STREAM.work), subjects: ['frames.motion.>'] };
  await expect(topology.ensureStream(overlapping)).rejects.toMatchObject({ code: 10065 });
  await expect(topology.ensureLane('motion', 'high')).resolves.toMatchObject({ state: 'created' });
  await expect(topology.ensureProcessor(processor)).rejects.toMatchObject({ code: 10059 });
});
