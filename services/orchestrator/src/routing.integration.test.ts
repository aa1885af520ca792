/** Policies at work: the orchestrator as a process, policies written to KV while it runs; the test plays everybody else. */
import { connect, JsonBucket, PullLoop, Topology } from '@frame-buffer/jetstream';
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
  type Policy,
  type PolicyInput,
  type ProcessorInput,
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
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

const entry = new URL('./main.ts', import.meta.url).pathname;

/** Records of instances are gone after 3 s. */
const HEARTBEAT_MS = 1_000;

let broker: TestBroker;
let nc: NatsConnection;
let topology: Topology;
let orchestrator: ServiceProcess;
let policies: JsonBucket<Policy>;
let sequence = 0;
const loops: PullLoop[] = [];
const heartbeats: NodeJS.Timeout[] = [];
/** Who got which frame. */
const worked = new Map<number, string>();

beforeAll(async () => {
  broker = await startTestBroker();
  nc = await connect({ servers: broker.url, name: 'test' });
  topology = await Topology.open(nc);
  for (const definition of streamDefinitions()) await topology.ensureStream(definition);
  for (const definition of bucketDefinitions) await topology.ensureBucket(definition);
  policies = await JsonBucket.open({ nc, bucket: BUCKET.capabilities, schema: policySchema });
});

beforeEach(async () => {
  const env = { FRAME_BUFFER_NATS_URL: broker.url, FRAME_BUFFER_PORT: '0', FRAME_BUFFER_INSTANCE: 'orc' };
  orchestrator = await spawnService({ name: 'orc', entry, env });
  worked.clear();
});

afterEach(async () => {
  for (const heartbeat of heartbeats.splice(0)) clearInterval(heartbeat);
  await Promise.all(loops.splice(0).map((loop) => loop.stop()));
  await orchestrator.stop();
});

afterAll(async () => {
  await nc.close();
  await broker[Symbol.asyncDispose]();
});

/** A processor that settles whatever it gets, at once. Its liveness is that of one instance, which `lives` ends and begins. */
async function processor(input: ProcessorInput) {
  const record = processorSchema.parse({ concurrency: 32, settles: true, liveness: 'heartbeat', ...input });
  const { name } = record;
  await topology.ensureProcessor(record);
  await (await JsonBucket.open({ nc, bucket: BUCKET.processors, schema: processorSchema })).put(name, record);
  const instances = await JsonBucket.open({ nc, bucket: BUCKET.instances, schema: instanceSchema });
  const key = instanceKey('processor', name, 'one');
  const instance = instanceSchema.parse({
    kind: 'processor',
    name,
    instance: 'one',
    startedAt: new Date().toISOString(),
  });
  loops.push(
    new PullLoop({
      nc,
      stream: STREAM.work,
      durable: name,
      want: () => 100,
      onMessage: (delivery) => {
        const opened = openBatch(delivery.data);
        if (!opened.ok) throw new Error(opened.detail);
        const { batch } = opened;
        const sequences = Array.from({ length: batch.frameCount }, (_, i) => batch.sequence(i));
        for (const one of sequences) worked.set(one, name);
        settle(name, batch.capability, batch.dispatcher, sequences);
        delivery.ack();
      },
    }),
  );
  let heartbeat: NodeJS.Timeout | undefined;
  const lives = async (isAlive: boolean) => {
    clearInterval(heartbeat);
    if (!isAlive) return instances.delete(key);
    heartbeat = setInterval(() => void instances.put(key, instance), HEARTBEAT_MS);
    heartbeats.push(heartbeat);
    await instances.put(key, instance);
  };
  return { lives };
}

function settle(name: string, capability: string, dispatcher: string, sequences: number[]): void {
  const about = { camera: 'door', epoch: 1, capability, kind: 'processed' as const, reason: 'handled' };
  const entry = { ...about, sequences: SequenceSet.of(...sequences), processor: name, dispatcher, serviceMs: 1 };
  nc.publish(subject.settled('test'), encodeSettlement({ writer: 'test', entries: [entry] }));
}

/** Offers so many frames, each in a message of its own, and returns their sequences. */
async function offer(capability: string, count: number): Promise<number[]> {
  const sequences = Array.from({ length: count }, () => ++sequence);
  for (const one of sequences) {
    const frame = {
      camera: 'door',
      epoch: 1,
      sequence: one,
      capturedAtMs: Date.now(),
      width: 640,
      height: 360,
      encoding: 'jpeg' as const,
      byteSize: 1000,
      pixelSequence: one,
      capabilities: [capability],
      priority: 5,
      maxAgeMs: 0,
    };
    await nc.request(subject.frames(capability, 'normal'), encodeBatch({ capability }, [{ ageMs: 0, frame }]));
  }
  return sequences;
}

async function offerAndSee(capability: string, count: number): Promise<Record<string, number>> {
  const sequences = await offer(capability, count);
  await until(() => sequences.filter((one) => worked.has(one)).length, {
    what: 'all frames to be worked',
    is: (done) => done === count,
    timeoutMs: 10_000,
  });
  const counts: Record<string, number> = {};
  for (const one of sequences) counts[worked.get(one) ?? ''] = (counts[worked.get(one) ?? ''] ?? 0) + 1;
  return counts;
}

/** Writes a policy and waits until the orchestrator says that it is in force. */
async function putPolicy(capability: string, policy: PolicyInput): Promise<void> {
  const text = JSON.stringify(policySchema.parse(policy));
  await policies.put(capability, JSON.parse(text));
  await orchestrator.waitForLog(
    (line) => line['event'] === 'policy.applied' && JSON.stringify(line['policy']) === text,
    { what: 'the policy to be in force' },
  );
}

async function routesOf(capability: string): Promise<readonly { step: string; processors: string[] }[]> {
  const answer = await nc.request('orchestrator.routes', '', { timeout: 2_000 });
  return answer.json<{ chains: Record<string, { step: string; processors: string[] }[]> }>().chains[capability] ?? [];
}

/** Waits until the step's pool is as it should be. */
function pool(capability: string, step: number, names: readonly string[]): Promise<unknown> {
  return until(async () => (await routesOf(capability))[step]?.processors ?? [], {
    what: `step ${step} of ${capability} to hold ${names.join(', ') || 'nobody'}`,
    is: (found) => [...found].sort().join() === names.join(),
  });
}

async function events(): Promise<{ id: string; event: string; from?: string; to?: string }[]> {
  const { streams, direct } = await jetstreamManager(nc);
  const { state } = await streams.info(STREAM.events);
  const found: { id: string; event: string }[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
    const message = await direct.getMessage(STREAM.events, { seq });
    if (message !== null) found.push(message.json());
  }
  return found;
}

async function skipped(capability: string): Promise<number> {
  const { streams, direct } = await jetstreamManager(nc);
  const { state } = await streams.info(STREAM.settlements);
  let count = 0;
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
    const message = await direct.getMessage(STREAM.settlements, { seq });
    const decoded = message === null ? undefined : decodeSettlement(message.data);
    if (!decoded?.ok) continue;
    for (const one of decoded.settlement.entries)
      if (one.capability === capability && one.kind === 'shed' && one.reason === 'skipped') count += one.sequences.size;
  }
  return count;
}

test('weights and required labels take effect while it runs, and are audited', async () => {
  for (const lane of LANES) await topology.ensureLane('weigh', lane);
  const labels = { zone: 'a' };
  for (const name of ['w1', 'w2', 'w3']) {
    const { lives } = await processor({ name, capabilities: ['weigh'], labels: name === 'w3' ? {} : labels });
    await lives(true);
  }
  await pool('weigh', 0, ['w1', 'w2', 'w3']);
  const before = await offerAndSee('weigh', 90);
  expect(Object.keys(before).sort()).toEqual(['w1', 'w2', 'w3']);

  await putPolicy('weigh', { strategy: 'weighted', weights: { w1: 3, w2: 1, w3: 0 } });
  expect(await offerAndSee('weigh', 80)).toEqual({ w1: 60, w2: 20 });

  await putPolicy('weigh', { require: 'zone=a & !zone=b', strategy: 'round-robin' });
  expect(await offerAndSee('weigh', 40)).toEqual({ w1: 20, w2: 20 });

  await policies.delete('weigh');
  await pool('weigh', 0, ['w1', 'w2', 'w3']);
  const audited = (await events()).filter(({ id, event }) => id === 'weigh' && event === 'policy.applied');
  expect(audited).toHaveLength(3);
});

test('a policy that cannot be read changes nothing', async () => {
  for (const lane of LANES) await topology.ensureLane('refuse', lane);
  await (await processor({ name: 'yes', capabilities: ['refuse'], labels: { good: '' } })).lives(true);
  await (await processor({ name: 'no', capabilities: ['refuse'] })).lives(true);
  await putPolicy('refuse', { require: 'good' });
  await pool('refuse', 0, ['yes']);
  for (const bad of ['{"require":"good &"}', 'no JSON', '{"require":"good","fallback":["*","good"]}']) {
    await nc.request(`$KV.${BUCKET.capabilities}.refuse`, bad);
  }
  await until(() => orchestrator.logs.filter((line) => line['event'] === 'policy.refused').length, {
    what: 'three refusals',
    is: (count) => count === 3,
  });
  expect(JSON.stringify(orchestrator.logs)).toContain('at position 7');
  expect(await offerAndSee('refuse', 20)).toEqual({ yes: 20 });
});

test('gpu → cpu → skip: each step says what it did', async () => {
  for (const lane of LANES) await topology.ensureLane('fall', lane);
  await putPolicy('fall', { require: 'gpu', fallback: ['cpu', 'skip'] });
  const gpu = await processor({ name: 'gpu-box', capabilities: ['fall'], labels: { gpu: 'true' } });
  const cpu = await processor({ name: 'cpu-box', capabilities: ['fall'], labels: { cpu: 'true' } });
  await Promise.all([gpu.lives(true), cpu.lives(true)]);
  await Promise.all([pool('fall', 0, ['gpu-box']), pool('fall', 1, ['cpu-box'])]);
  expect(await offerAndSee('fall', 10)).toEqual({ 'gpu-box': 10 });

  await gpu.lives(false);
  await pool('fall', 0, []);
  expect(await offerAndSee('fall', 10)).toEqual({ 'cpu-box': 10 });

  await cpu.lives(false);
  await pool('fall', 1, []);
  await offer('fall', 7);
  await until(() => skipped('fall'), { what: 'the skipped tasks in the books', is: (count) => count === 7 });
  const { streams } = await jetstreamManager(nc);
  await until(async () => (await streams.info(STREAM.frames)).state.messages, {
    what: 'an empty lane',
    is: (left) => left === 0,
  });

  const metrics = await (await fetch(`http://127.0.0.1:${orchestrator.port}/metrics`)).text();
  for (const [step, tasks] of [
    ['gpu', 10],
    ['cpu', 10],
    ['skip', 7],
  ] as const) {
    expect(metrics).toMatch(
      new RegExp(
        `frame_buffer_routing_step_tasks_total\\{[^}]*capability="fall"[^}]*step="${step}"[^}]*\\} ${tasks}\\b`,
      ),
    );
  }
  const steps = (await events()).filter(({ id, event }) => id === 'fall' && event === 'route.step-changed');
  expect(steps[0]).toMatchObject({ from: 'gpu', to: 'cpu' });
});
