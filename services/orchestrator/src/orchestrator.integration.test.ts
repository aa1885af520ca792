/** The orchestrator as a process against a real broker; the test plays registry, gateway and processors. */
import { connect, type Delivery, JsonBucket, PullLoop, Topology } from '@frame-buffer/jetstream';
import {
  BUCKET,
  bucketDefinitions,
  decodeSettlement,
  encodeBatch,
  encodeSettlement,
  instanceKey,
  instanceSchema,
  LANES,
  openBatch,
  type ProcessorInput,
  processorSchema,
  SequenceSet,
  type Settlement,
  STREAM,
  streamDefinitions,
  subject,
} from '@frame-buffer/protocol';
import { type ServiceProcess, spawnService, startTestBroker, type TestBroker, until } from '@frame-buffer/testkit';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const CAPABILITY = 'detect';
const entry = new URL('./main.ts', import.meta.url).pathname;

let broker: TestBroker;
let nc: NatsConnection;
let topology: Topology;
const orchestrators: ServiceProcess[] = [];
const loops: PullLoop[] = [];

beforeAll(async () => {
  broker = await startTestBroker();
  nc = await connect({ servers: broker.url, name: 'test' });
  topology = await Topology.open(nc);
});

beforeEach(async () => {
  for (const definition of streamDefinitions()) await topology.ensureStream(definition);
  for (const definition of bucketDefinitions) await topology.ensureBucket(definition);
  for (const lane of LANES) await topology.ensureLane(CAPABILITY, lane);
});

afterEach(async () => {
  await Promise.all(loops.splice(0).map((loop) => loop.stop()));
  await Promise.all(orchestrators.splice(0).map((orchestrator) => orchestrator.stop()));
  const { streams } = await topologyManager();
  for (const stream of [
    STREAM.frames,
    STREAM.work,
    STREAM.settlements,
    STREAM.deadLetters,
    'KV_processors',
    'KV_instances',
  ]) {
    await streams.purge(stream);
  }
});

afterAll(async () => {
  await nc.close();
  await broker[Symbol.asyncDispose]();
});

async function topologyManager() {
  const { jetstreamManager } = await import('@nats-io/jetstream');
  return jetstreamManager(nc);
}

async function startOrchestrator(instance: string): Promise<ServiceProcess> {
  const orchestrator = await spawnService({
    name: instance,
    entry,
    env: { FRAME_BUFFER_NATS_URL: broker.url, FRAME_BUFFER_PORT: '0', FRAME_BUFFER_INSTANCE: instance },
  });
  orchestrators.push(orchestrator);
  return orchestrator;
}

async function register(input: ProcessorInput): Promise<void> {
  const processor = processorSchema.parse(input);
  const bucket = await JsonBucket.open({ nc, bucket: BUCKET.processors, schema: processorSchema });
  await topology.ensureProcessor(processor);
  await bucket.put(processor.name, processor);
}

function offer(sequences: number[], options: { maxAgeMs?: number; priority?: number } = {}): Promise<unknown> {
  const items = sequences.map((sequence) => ({
    ageMs: 0,
    frame: {
      camera: 'door',
      epoch: 1,
      sequence,
      capturedAtMs: Date.now(),
      width: 640,
      height: 360,
      encoding: 'jpeg' as const,
      byteSize: 1000,
      pixelSequence: sequence,
      capabilities: [CAPABILITY],
      priority: options.priority ?? 5,
      maxAgeMs: options.maxAgeMs ?? 0,
    },
  }));
  return nc.request(subject.frames(CAPABILITY, 'normal'), encodeBatch({ capability: CAPABILITY }, items));
}

/** Pulls as a processor would and hands out what came. */
function work(
  processor: string,
  onMessage: (delivery: Delivery, sequences: number[], dispatcher: string) => void,
): void {
  loops.push(
    new PullLoop({
      nc,
      stream: STREAM.work,
      durable: processor,
      want: () => 100,
      onMessage: (delivery) => {
        const opened = openBatch(delivery.data);
        if (!opened.ok) throw new Error(opened.detail);
        const { batch } = opened;
        const sequences = Array.from({ length: batch.frameCount }, (_, i) => batch.sequence(i));
        onMessage(delivery, sequences, batch.dispatcher);
      },
    }),
  );
}

function settle(processor: string, sequences: number[], dispatcher: string): void {
  const entries = [
    {
      camera: 'door',
      epoch: 1,
      capability: CAPABILITY,
      kind: 'processed' as const,
      reason: 'handled',
      sequences: SequenceSet.of(...sequences),
      processor,
      dispatcher,
      serviceMs: sequences.length,
    },
  ];
  nc.publish(subject.settled('test'), encodeSettlement({ writer: 'test', entries }));
}

async function settlements(): Promise<Settlement[]> {
  const { streams, direct } = await topologyManager();
  const { state } = await streams.info(STREAM.settlements);
  const found: Settlement[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
    const message = await direct.getMessage(STREAM.settlements, { seq });
    const decoded = message === null ? undefined : decodeSettlement(message.data);
    if (decoded?.ok) found.push(decoded.settlement);
  }
  return found;
}

async function waiting(stream: string): Promise<number> {
  const { streams } = await topologyManager();
  return (await streams.info(stream)).state.messages;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('orchestrator - dispatch', () => {
  test('two orchestrators place every frame exactly once and acknowledge only what is placed', async () => {
    await register({ name: 'detector', capabilities: [CAPABILITY], concurrency: 8, maxBatch: 16, settles: true });
    await Promise.all([startOrchestrator('orc-a'), startOrchestrator('orc-b')]);
    const seen = new Map<number, number>();
    const dispatchers = new Set<string>();
    work('detector', (delivery, sequences, dispatcher) => {
      for (const sequence of sequences) seen.set(sequence, (seen.get(sequence) ?? 0) + 1);
      dispatchers.add(dispatcher);
      settle('detector', sequences, dispatcher);
      delivery.ack();
    });
    for (let at = 1; at <= 2000; at += 40) await offer(numbers(at, at + 40));
    await until(() => seen.size, { what: 'all frames', is: (size) => size === 2000, timeoutMs: 15_000 });
    await until(() => waiting(STREAM.frames), { what: 'an empty lane', is: (left) => left === 0 });
    expect([...seen.values()].every((count) => count === 1)).toBe(true);
    expect(dispatchers).toEqual(new Set(['orc-a', 'orc-b']));
  });

  test('a processor that settles nothing is sent no more than its window, the rest stays in its lane', async () => {
    await register({ name: 'stuck', capabilities: [CAPABILITY], concurrency: 3, maxBatch: 4, settles: true });
    await startOrchestrator('orc-a');
    let received = 0;
    work('stuck', (_delivery, sequences) => {
      received += sequences.length;
    });
    for (let at = 1; at <= 100; at += 10) await offer(numbers(at, at + 10));
    // Two rounds of its concurrency.
    await until(() => received, { what: 'a full window', is: (count) => count === 6 });
    const lane = await waiting(STREAM.frames);
    expect(lane).toBe(10);
    settle('stuck', [1, 2, 3], 'orc-a');
    await until(() => received, { what: 'three more', is: (count) => count === 9 });
  });

  test('without a capable processor frames wait, and expire as no_processor', async () => {
    await startOrchestrator('orc-a');
    await offer(numbers(1, 6), { maxAgeMs: 700 });
    await offer(numbers(6, 8), { maxAgeMs: 60_000 });
    const expired = await until(() => settlements(), {
      what: 'the expiry',
      is: (found) => found.length > 0,
      timeoutMs: 10_000,
    });
    const [entry] = expired.flatMap(({ entries }) => entries);
    expect(entry).toMatchObject({ kind: 'expired', reason: 'no_processor', camera: 'door', capability: CAPABILITY });
    expect([...(entry?.sequences ?? [])]).toEqual([1, 2, 3, 4, 5]);
    await until(() => waiting(STREAM.frames), { what: 'the expired batch to leave', is: (left) => left === 1 });
    const seen: number[] = [];
    await register({ name: 'late', capabilities: [CAPABILITY], concurrency: 4, maxBatch: 16, settles: true });
    work('late', (delivery, sequences) => {
      seen.push(...sequences);
      delivery.ack();
    });
    await until(() => seen.length, { what: 'the frames that were still good', is: (count) => count === 2 });
    expect(seen).toEqual([6, 7]);
  });

  test('a heartbeat processor gets work only while an instance lives', async () => {
    await register({ name: 'alive', capabilities: [CAPABILITY], concurrency: 4, settles: true, liveness: 'heartbeat' });
    await startOrchestrator('orc-a');
    const seen: number[] = [];
    work('alive', (delivery, sequences, dispatcher) => {
      seen.push(...sequences);
      settle('alive', sequences, dispatcher);
      delivery.ack();
    });
    await offer([1]);
    await until(() => waiting(STREAM.frames), { what: 'the frame to wait', is: (left) => left === 1 });
    const instances = await JsonBucket.open({ nc, bucket: BUCKET.instances, schema: instanceSchema });
    const record = {
      kind: 'processor' as const,
      name: 'alive',
      instance: 'one',
      startedAt: new Date().toISOString(),
      state: 'ready' as const,
    };
    await instances.put(instanceKey('processor', 'alive', 'one'), record);
    await until(() => seen.length, { what: 'the frame', is: (count) => count === 1 });
  });

  test('work goes to a plain client with headers; its ack is settled as processed/acked', async () => {
    await register({ name: 'plain', capabilities: [CAPABILITY] });
    await startOrchestrator('orc-a');
    const headers: string[] = [];
    work('plain', (delivery) => {
      headers.push(delivery.headers?.get('Fb-Frame') ?? '', delivery.headers?.get('Fb-Pixels') ?? '');
      delivery.ack();
    });
    await offer([41, 42]);
    const entries = await until(async () => (await settlements()).flatMap((settlement) => settlement.entries), {
      what: 'both outcomes',
      is: (found) =>
        found.filter(({ kind }) => kind === 'processed').reduce((sum, { sequences }) => sum + sequences.size, 0) === 2,
    });
    expect(headers).toEqual(['door.1.41', '41', 'door.1.42', '42']);
    expect(
      entries
        .filter(({ kind }) => kind === 'routed')
        .flatMap(({ sequences }) => [...sequences])
        .sort(),
    ).toEqual([41, 42]);
    expect(entries.find(({ kind }) => kind === 'processed')).toMatchObject({ reason: 'acked', processor: 'plain' });
  });

  test('an undecodable message goes to the dead letters, one of a newer version waits, the rest goes on', async () => {
    await register({ name: 'detector', capabilities: [CAPABILITY], concurrency: 4, maxBatch: 16, settles: true });
    const orchestrator = await startOrchestrator('orc-a');
    const seen: number[] = [];
    work('detector', (delivery, sequences, dispatcher) => {
      seen.push(...sequences);
      settle('detector', sequences, dispatcher);
      delivery.ack();
    });
    const lane = subject.frames(CAPABILITY, 'normal');
    await nc.request(lane, 'this is no batch');
    const newer = Buffer.alloc(64);
    newer.set([0x46, 0x42, 9]);
    await nc.request(lane, newer);
    await offer([1, 2, 3]);
    await until(() => seen.length, { what: 'the good frames', is: (count) => count === 3 });
    await until(() => waiting(STREAM.deadLetters), { what: 'the dead letter', is: (count) => count === 1 });
    await orchestrator.waitForLog((line) => line['reason'] === 'unsupported_version', { what: 'the alarm' });
    await until(() => waiting(STREAM.frames), { what: 'only the newer one left', is: (left) => left === 1 });
  });

  test('an orchestrator that is killed loses nothing', async () => {
    await register({ name: 'detector', capabilities: [CAPABILITY], concurrency: 8, maxBatch: 8, settles: true });
    const victim = await startOrchestrator('orc-a');
    await startOrchestrator('orc-b');
    const seen = new Set<number>();
    work('detector', (delivery, sequences, dispatcher) => {
      for (const sequence of sequences) seen.add(sequence);
      settle('detector', sequences, dispatcher);
      delivery.ack();
      if (seen.size > 500) victim.kill('SIGKILL');
    });
    for (let at = 1; at <= 3000; at += 30) await offer(numbers(at, at + 30));
    await until(() => seen.size, { what: 'all frames', is: (size) => size === 3000, timeoutMs: 25_000 });
    await until(() => waiting(STREAM.frames), { what: 'an empty lane', is: (left) => left === 0, timeoutMs: 25_000 });
    expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
  });
});
