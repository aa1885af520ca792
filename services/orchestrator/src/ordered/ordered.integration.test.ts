/** Two orchestrators as processes before the lanes of partitions; the test plays registry, gateway and processor. */
import { connect, JsonBucket, PullLoop, Topology } from '@frame-buffer/jetstream';
import {
  BUCKET,
  bucketDefinitions,
  encodeBatch,
  encodeSettlement,
  LANES,
  openBatch,
  type PolicyInput,
  partitionDurable,
  partitionLane,
  partitionOf,
  policySchema,
  processorSchema,
  SequenceSet,
  STREAM,
  streamDefinitions,
  subject,
} from '@frame-buffer/protocol';
import { type ServiceProcess, spawnService, startTestBroker, type TestBroker, until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

const PARTITIONS = 2;
const CAMERAS = ['a', 'b', 'c', 'd'];
const entry = new URL('../main.ts', import.meta.url).pathname;
const tracker = processorSchema.parse({
  name: 'tracker',
  capabilities: ['track'],
  maxBatch: 8,
  settles: true,
  ackWaitMs: 1_000,
});

let broker: TestBroker;
let nc: NatsConnection;
let topology: Topology;
const orchestrators: ServiceProcess[] = [];

beforeAll(async () => {
  broker = await startTestBroker();
  nc = await connect({ servers: broker.url, name: 'test' });
  topology = await Topology.open(nc);
  for (const definition of streamDefinitions()) await topology.ensureStream(definition);
  for (const definition of bucketDefinitions) await topology.ensureBucket(definition);
  for (const lane of LANES) await topology.ensureLane('track', lane);
  for (let p = 0; p < PARTITIONS; p++) {
    await topology.ensureLane('track', partitionLane(p));
    await topology.ensurePartition(tracker, p, 1);
  }
  await keepPolicy({ ordered: true, partitions: PARTITIONS });
  const processors = await JsonBucket.open({ nc, bucket: BUCKET.processors, schema: processorSchema });
  await processors.put(tracker.name, tracker);
  for (const instance of ['orc-a', 'orc-b']) await startOrchestrator(instance);
});

afterAll(async () => {
  await Promise.all(orchestrators.map((orchestrator) => orchestrator.stop()));
  await nc.close();
  await broker[Symbol.asyncDispose]();
});

async function startOrchestrator(instance: string): Promise<void> {
  const env = { FRAME_BUFFER_NATS_URL: broker.url, FRAME_BUFFER_PORT: '0', FRAME_BUFFER_INSTANCE: instance };
  orchestrators.push(await spawnService({ name: instance, entry, env }));
}

async function keepPolicy(policy: PolicyInput): Promise<void> {
  const bucket = await JsonBucket.open({ nc, bucket: BUCKET.capabilities, schema: policySchema });
  await bucket.put('track', policySchema.parse(policy));
}

function offer(
  lane: Parameters<typeof subject.frames>[1],
  frames: readonly [string, number][],
  maxAgeMs = 0,
): Promise<unknown> {
  const items = frames.map(([camera, sequence]) => ({
    ageMs: 0,
    frame: {
      camera,
      epoch: 1,
      sequence,
      capturedAtMs: 0,
      width: 64,
      height: 48,
      encoding: 'jpeg' as const,
      byteSize: 0,
      pixelSequence: 0,
      capabilities: ['track'],
      priority: 5,
      maxAgeMs,
    },
  }));
  return nc.request(subject.frames('track', lane), encodeBatch({ capability: 'track' }, items));
}

/** Works a partition as its owner: one message at a time, settled, acknowledged. */
function own(partition: number, log: string[]): PullLoop {
  return new PullLoop({
    nc,
    stream: STREAM.work,
    durable: partitionDurable('tracker', partition, 1),
    want: () => 1,
    onMessage: (delivery) => {
      const opened = openBatch(delivery.data);
      if (!opened.ok) throw new Error(opened.detail);
      const { batch } = opened;
      for (let i = 0; i < batch.frameCount; i++) {
        const { camera, epoch } = batch.cameraOf(i);
        const sequence = batch.sequence(i);
        log.push(`${camera} ${sequence}`);
        const entries = [
          {
            camera,
            epoch,
            capability: 'track',
            kind: 'processed' as const,
            reason: 'handled',
            sequences: SequenceSet.of(sequence),
            processor: 'tracker',
            dispatcher: batch.dispatcher,
          },
        ];
        nc.publish(subject.settled('test'), encodeSettlement({ writer: 'test', entries }));
      }
      delivery.ack();
    },
  });
}

const camerasOf = (partition: number) => CAMERAS.filter((camera) => partitionOf(camera, PARTITIONS) === partition);
const left = async () => {
  const { streams } = await jetstreamManager(nc);
  return (await streams.info(STREAM.frames)).state.messages + (await streams.info(STREAM.work)).state.messages;
};

function inOrder(log: readonly string[]): void {
  const newest = new Map<string, number>();
  for (const line of log) {
    const [camera = '', sequence] = line.split(' ');
    expect(Number(sequence), line).toBe((newest.get(camera) ?? 0) + 1);
    newest.set(camera, Number(sequence));
  }
}

test('frames come to the queue in the order of their lane, once each, though an orchestrator is killed and another stopped', async () => {
  const logs = Array.from({ length: PARTITIONS }, () => [] as string[]);
  const loops = logs.map((log, p) => own(p, log));
  const FRAMES = 600;
  for (let from = 1; from <= FRAMES; from += 20) {
    for (let p = 0; p < PARTITIONS; p++) {
      const frames = Array.from({ length: 20 }, (_, i) =>
        camerasOf(p).map((camera): [string, number] => [camera, from + i]),
      );
      await offer(partitionLane(p), frames.flat());
    }
    if (from === 201) {
      orchestrators.shift()?.kill('SIGKILL');
      await startOrchestrator('orc-c');
    }
    if (from === 401) await orchestrators.shift()?.stop();
  }
  await until(() => logs.flat().length, {
    what: 'all frames',
    is: (count) => count >= FRAMES * CAMERAS.length,
    timeoutMs: 30_000,
  });
  await until(left, { what: 'nothing left', is: (count) => count === 0 });
  for (const log of logs) inOrder(log);
  expect(logs.flat()).toHaveLength(FRAMES * CAMERAS.length);
  await Promise.all(loops.map((loop) => loop.stop()));
});

test('what lies in a lane of another order goes to its own', async () => {
  const logs = Array.from({ length: PARTITIONS }, () => [] as string[]);
  const loops = logs.map((log, p) => own(p, log));
  const frames = [1, 2, 3].flatMap((sequence) => CAMERAS.map((camera): [string, number] => [`${camera}2`, sequence]));
  await offer('normal', frames);
  await offer(
    'p1',
    frames.map(([camera, sequence]) => [`${camera}x`, sequence]),
  );
  await until(() => logs.flat().length, {
    what: 'all frames',
    is: (count) => count === 2 * frames.length,
    timeoutMs: 10_000,
  });
  for (const [p, log] of logs.entries()) {
    inOrder(log);
    for (const line of log) expect(partitionOf(line.split(' ')[0] ?? '', PARTITIONS), line).toBe(p);
  }
  await Promise.all(loops.map((loop) => loop.stop()));
});
