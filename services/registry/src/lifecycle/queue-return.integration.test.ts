/** Queues that are returned, at a real broker: nothing lost, nothing doubled, also when it is begun anew in the middle. */
import { Publisher, SettlementWriter, Topology } from '@frame-buffer/jetstream';
import {
  decodeSettlement,
  durable,
  encodeBatch,
  type FrameDescriptor,
  openBatch,
  partitionDurable,
  processorSchema,
  STREAM,
  streamDefinitions,
  VERSION,
} from '@frame-buffer/protocol';
import { silentLogger } from '@frame-buffer/telemetry';
import { startTestBroker, type TestBroker, until } from '@frame-buffer/testkit';
import { AckPolicy, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { QueueReturn } from './queue-return.ts';

let broker: TestBroker;
let nc: NatsConnection;
let jsm: JetStreamManager;
let topology: Topology;
let publisher: Publisher;

beforeAll(async () => {
  broker = await startTestBroker();
  nc = await broker.connect();
  jsm = await jetstreamManager(nc);
  topology = await Topology.open(nc);
  for (const definition of streamDefinitions()) await topology.ensureStream(definition);
  publisher = new Publisher(nc);
});

afterAll(async () => {
  publisher?.close();
  await broker?.stop();
});

const never = new AbortController().signal;

function queueReturn(): QueueReturn {
  const settlements = new SettlementWriter({ publisher, writer: 'registry-1' });
  return new QueueReturn({ nc, publisher, settlements, sinceMs: () => 5, by: 'registry-1', log: silentLogger });
}

const frame = (camera: string, sequence: number): FrameDescriptor => ({
  camera,
  epoch: 1,
  sequence,
  capturedAtMs: 1_700_000_000_000,
  width: 640,
  height: 480,
  encoding: 'jpeg',
  byteSize: 1000,
  pixelSequence: sequence,
  priority: 5,
  maxAgeMs: 0,
  capabilities: ['ocr'],
});

/** `count` messages of two tasks each in the queue of a processor with its consumer. */
async function queued(name: string, count: number): Promise<void> {
  await topology.ensureProcessor(processorSchema.parse({ name, capabilities: [name] }));
  const published = Array.from({ length: count }, (_, i) => {
    const items = [2 * i + 1, 2 * i + 2].map((sequence) => ({ frame: frame(name, sequence), ageMs: 0 }));
    const payload = encodeBatch({ capability: name, dispatcher: 'orchestrator-1' }, items);
    return publisher.publish(`work.${name}.normal`, payload, { msgId: `${name}.${i}` });
  });
  expect((await Promise.all(published)).every(({ ok }) => ok)).toBe(true);
}

/** The sequences that lie in the lane, in order. */
async function inLane(capability: string): Promise<number[]> {
  const { state } = await jsm.streams.info(STREAM.frames);
  const found: number[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage(STREAM.frames, { seq });
    if (message?.subject !== `frames.${capability}.normal`) continue;
    const opened = openBatch(message.data);
    if (!opened.ok) throw new Error(opened.detail);
    for (let i = 0; i < opened.batch.frameCount; i++) found.push(opened.batch.sequence(i));
  }
  return found;
}

async function returnedTasks(
  processor: string,
): Promise<{ tasks: number; redelivered: number; dispatchers: Set<string> }> {
  const { state } = await jsm.streams.info(STREAM.settlements);
  const total = { tasks: 0, redelivered: 0, dispatchers: new Set<string>() };
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage(STREAM.settlements, { seq });
    const decoded = decodeSettlement(message?.data ?? new Uint8Array());
    if (!decoded.ok) continue;
    for (const entry of decoded.settlement.entries) {
      if (entry.processor !== processor || entry.kind !== 'returned') continue;
      total.tasks += entry.sequences.size;
      total.redelivered += entry.redelivered ?? 0;
      total.dispatchers.add(entry.dispatcher ?? '');
    }
  }
  return total;
}

async function consumers(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of jsm.consumers.list(STREAM.work)) names.push(name);
  return names;
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test('a queue goes back whole and in order, its tasks are settled as returned, and no consumer is left', async () => {
  await queued('gone', 500);
  const consumer = await jetstream(nc).consumers.get(STREAM.work, durable.processor('gone'));
  // Delivered and never answered: whoever had these is dead.
  for await (const message of await consumer.fetch({ max_messages: 10 })) if (message.seq === 0) break;
  const queues = queueReturn();
  expect((await queues.lengths()).get('gone')).toBe(500);

  const began = performance.now();
  expect(await queues.run('gone', 3, 'processor_lost', never)).toEqual({ messages: 500, tasks: 1000, held: 0 });
  const seconds = (performance.now() - began) / 1000;
  expect(seconds).toBeLessThan(4);
  expect(await inLane('gone')).toEqual(upTo(1000));
  expect(await returnedTasks('gone')).toEqual({
    tasks: 1000,
    redelivered: 20,
    dispatchers: new Set(['orchestrator-1']),
  });
  expect(await consumers()).toEqual([]);
  expect((await queues.lengths()).has('gone')).toBe(false);
});

test('Q2 begun anew in the middle, also under another epoch: each task is in its lane once', async () => {
  await queued('crashed', 1_000);
  const crash = new AbortController();
  const first = queueReturn().run('crashed', 1, 'processor_lost', crash.signal);
  await until(async () => (await queueReturn().lengths()).get('crashed') ?? 0, {
    what: 'it to be in the middle',
    is: (messages) => messages < 950,
    intervalMs: 1,
  });
  crash.abort(new Error('crash'));
  await expect(first).rejects.toThrow();
  expect(await consumers()).toContain('crashed_drain_e1');
  const rest = await queueReturn().run('crashed', 2, 'processor_lost', never);
  expect(rest.messages).toBeGreaterThan(0);
  expect((await inLane('crashed')).sort((a, b) => a - b)).toEqual(upTo(2_000));
  expect(await consumers()).toEqual([]);
});

test('Q3 whoever still works when the queue is taken has nothing to say any more', async () => {
  await queued('zombie', 1);
  const consumer = await jetstream(nc).consumers.get(STREAM.work, durable.processor('zombie'));
  const held = await consumer.next();
  await queueReturn().run('zombie', 1, 'processor_lost', never);
  held?.ack();
  await nc.flush();
  expect(await inLane('zombie')).toEqual([1, 2]);
});

test('Q4 what a later version wrote stays; what is damaged is among the dead letters', async () => {
  await queued('odd', 1);
  const newer = Buffer.from(encodeBatch({ capability: 'odd' }, [{ frame: frame('odd', 9), ageMs: 0 }]));
  newer[2] = VERSION + 2;
  await publisher.publish('work.odd.normal', newer);
  await publisher.publish('work.odd.normal', Buffer.from('rubbish'));
  expect(await queueReturn().run('odd', 1, 'processor_lost', never)).toEqual({ messages: 1, tasks: 2, held: 1 });
  expect((await queueReturn().lengths()).get('odd')).toBe(1);
  const letter = await jsm.streams.getMessage(STREAM.deadLetters, { last_by_subj: 'dead.odd.undecodable' });
  expect(letter?.string()).toBe('rubbish');
});

test('consumers of partitions are deleted, and what lay in theirs goes back as well', async () => {
  await jsm.consumers.add(STREAM.work, {
    durable_name: partitionDurable('ordered', 3, 8),
    filter_subject: 'work.ordered.p3',
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 1,
  });
  const payload = encodeBatch({ capability: 'ordered' }, [{ frame: frame('ordered', 1), ageMs: 0 }]);
  await publisher.publish('work.ordered.p3', payload);
  expect(await queueReturn().run('ordered', 1, 'processor_lost', never)).toEqual({ messages: 1, tasks: 1, held: 0 });
  expect(await consumers()).toEqual([]);
});

test('a queue that is empty, and one that never was, take no time', async () => {
  await topology.ensureProcessor(processorSchema.parse({ name: 'idle', capabilities: ['idle'] }));
  expect(await queueReturn().run('idle', 1, 'processor_lost', never)).toEqual({ messages: 0, tasks: 0, held: 0 });
  expect(await queueReturn().run('nobody', 1, 'processor_lost', never)).toEqual({ messages: 0, tasks: 0, held: 0 });
  expect(await consumers()).toEqual([]);
});
