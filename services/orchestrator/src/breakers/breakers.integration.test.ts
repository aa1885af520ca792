/** Route breakers at work: two orchestrators as processes; the test plays registry, gateway and processors. */
import { connect, JsonBucket, PullLoop, Topology } from '@frame-buffer/jetstream';
import {
  type AuditEvent,
  type BatchView,
  BUCKET,
  bucketDefinitions,
  encodeBatch,
  encodeSettlement,
  endpoint,
  LANES,
  openBatch,
  type ProcessorInput,
  policySchema,
  processorSchema,
  SequenceSet,
  type SettlementEntry,
  STREAM,
  streamDefinitions,
  subject,
} from '@frame-buffer/protocol';
import { type ServiceProcess, spawnService, startTestBroker, type TestBroker, until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

const CAPABILITY = 'look';
const ORCHESTRATORS = ['orc-a', 'orc-b'];
const RECOVERY_MS = 2_000;
const entry = new URL('../main.ts', import.meta.url).pathname;

let broker: TestBroker;
let nc: NatsConnection;
let topology: Topology;
let orchestrators: ServiceProcess[] = [];
let sequence = 0;
const loops: PullLoop[] = [];
/** Who got which frames, in order; a failed one comes again. */
const worked: { readonly processor: string; readonly sequence: number; readonly failed: boolean }[] = [];
let isGpuFailing = false;

beforeAll(async () => {
  broker = await startTestBroker();
  nc = await connect({ servers: broker.url, name: 'test' });
  topology = await Topology.open(nc);
  for (const definition of streamDefinitions()) await topology.ensureStream(definition);
  for (const definition of bucketDefinitions) await topology.ensureBucket(definition);
  for (const lane of LANES) await topology.ensureLane(CAPABILITY, lane);
  const policies = await JsonBucket.open({ nc, bucket: BUCKET.capabilities, schema: policySchema });
  await policies.put(CAPABILITY, policySchema.parse({ require: 'gpu', fallback: ['cpu', 'skip'] }));
  for (const name of ['gpu', 'cpu']) await processor({ name, capabilities: [CAPABILITY], labels: { [name]: '' } });
});

beforeEach(async () => {
  isGpuFailing = false;
  worked.length = 0;
  orchestrators = await Promise.all(ORCHESTRATORS.map((instance) => start(instance)));
  await until(async () => (await (await fetch(url(0, '/api/v1/routes'))).json()) as { orchestrators: number }, {
    what: 'the orchestrators to know one another',
    is: (routes) => routes.orchestrators === 2,
  });
});

afterEach(async () => {
  await Promise.all(orchestrators.splice(0).map((orchestrator) => orchestrator.stop()));
});

afterAll(async () => {
  await Promise.all(loops.splice(0).map((loop) => loop.stop()));
  await nc.close();
  await broker[Symbol.asyncDispose]();
});

function start(instance: string): Promise<ServiceProcess> {
  const env = {
    FRAME_BUFFER_NATS_URL: broker.url,
    FRAME_BUFFER_PORT: '0',
    FRAME_BUFFER_INSTANCE: instance,
    FRAME_BUFFER_BREAKER_RECOVERY_MS: String(RECOVERY_MS),
  };
  return spawnService({ name: instance, entry, env });
}

const url = (at: number, path: string) => `http://127.0.0.1:${orchestrators[at]?.port}${path}`;

/** Works whatever it gets at once, one frame a message; what fails goes back to the retry lane, as the SDK does it. */
async function processor(input: ProcessorInput): Promise<void> {
  const record = processorSchema.parse({ concurrency: 8, maxBatch: 4, settles: true, ...input });
  const { name } = record;
  await topology.ensureProcessor(record);
  await (await JsonBucket.open({ nc, bucket: BUCKET.processors, schema: processorSchema })).put(name, record);
  loops.push(
    new PullLoop({
      nc,
      stream: STREAM.work,
      durable: name,
      want: () => 100,
      onMessage: (delivery) => {
        const opened = openBatch(delivery.data);
        if (!opened.ok) throw new Error(opened.detail);
        void work(name, opened.batch).then(() => delivery.ack());
      },
    }),
  );
}

async function work(name: string, batch: BatchView): Promise<void> {
  const failed = name === 'gpu' && isGpuFailing;
  const sequences = Array.from({ length: batch.frameCount }, (_, i) => batch.sequence(i));
  worked.push(...sequences.map((one) => ({ processor: name, sequence: one, failed })));
  if (failed) await Promise.all(sequences.map((one) => offerOne(one, 'retry')));
  const outcome = failed ? (['returned', 'handler_failed'] as const) : (['processed', 'handled'] as const);
  const about = { camera: 'door', epoch: 1, capability: CAPABILITY, kind: outcome[0], reason: outcome[1] };
  const who = { processor: name, instance: `${name}-1`, dispatcher: batch.dispatcher };
  const settled: SettlementEntry = { ...about, ...who, sequences: SequenceSet.of(...sequences), serviceMs: 1 };
  nc.publish(subject.settled(name), encodeSettlement({ writer: name, entries: [settled] }));
}

function offerOne(one: number, lane: 'normal' | 'retry') {
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
    capabilities: [CAPABILITY],
    priority: 5,
    maxAgeMs: 0,
  };
  return nc.request(subject.frames(CAPABILITY, lane), encodeBatch({ capability: CAPABILITY }, [{ ageMs: 0, frame }]));
}

/** Offers frames, one after another, and waits until each of them is done. Returns how many each processor did. */
async function offer(count: number): Promise<Record<string, number>> {
  const offered = Array.from({ length: count }, () => ++sequence);
  for (const one of offered) await offerOne(one, 'normal');
  await done(offered);
  return byProcessor(offered);
}

function done(offered: readonly number[]): Promise<unknown> {
  const isDone = (one: number) => worked.some((each) => each.sequence === one && !each.failed);
  return until(() => offered.filter((one) => !isDone(one)).length, {
    what: 'all frames to be done',
    is: (left) => left === 0,
    timeoutMs: 15_000,
  });
}

function byProcessor(offered: readonly number[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { processor: name, sequence: one, failed } of worked)
    if (offered.includes(one) && !failed) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const stateAt = async (at: number): Promise<string | undefined> => {
  const { breakers } = (await (await fetch(url(at, '/api/v1/breakers'))).json()) as {
    breakers: { processor: string; state: string }[];
  };
  return breakers.find((one) => one.processor === 'gpu')?.state;
};

function everywhere(state: string): Promise<unknown> {
  return until(async () => [await stateAt(0), await stateAt(1)], {
    what: `both breakers to be ${state}`,
    is: (states) => states.every((each) => each === state),
    timeoutMs: 10_000,
  });
}

/** The audit log, from `since` (ISO 8601) on. */
async function events(since: string): Promise<AuditEvent[]> {
  const { streams, direct } = await jetstreamManager(nc);
  const { state } = await streams.info(STREAM.events);
  const found: AuditEvent[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
    const message = await direct.getMessage(STREAM.events, { seq });
    if (message !== null) found.push(message.json<AuditEvent>());
  }
  return found.filter(({ at }) => at >= since);
}

/** When each orchestrator came into that state. */
async function stamps(since: string, to: string): Promise<number[]> {
  const found = await until(
    async () => (await events(since)).filter((one) => one.event === 'route-breaker.changed' && one.to === to),
    { what: `both to tell of ${to}`, is: (all) => new Set(all.map(({ by }) => by)).size === 2 },
  );
  return ORCHESTRATORS.map((by) => Date.parse(found.find((one) => one.by === by)?.at ?? ''));
}

test('gpu fails: both open within a second, cpu does everything; after recovery gpu is tried, and the routes close', async () => {
  const since = new Date().toISOString();
  expect(await offer(40)).toEqual({ gpu: 40 });

  isGpuFailing = true;
  const during = await offer(60);
  expect(during).toEqual({ cpu: 60 });
  await everywhere('open');
  const failures = worked.filter(({ failed }) => failed).length;
  expect(failures).toBeGreaterThanOrEqual(5);
  // What was on its way when the fifth failed: no more than both windows.
  expect(failures).toBeLessThanOrEqual(5 + 16);
  const opened = await stamps(since, 'open');
  expect(Math.abs((opened[0] ?? 0) - (opened[1] ?? 0))).toBeLessThan(1_000);
  const routes = (await (await fetch(url(0, '/api/v1/routes'))).json()) as { breakers: unknown; processors: unknown[] };
  expect(routes).toMatchObject({ breakers: { gpu: 'open' }, processors: [{ name: 'cpu', breaker: 'closed' }] });

  // Tried while it still fails: at most three tasks, and it opens again.
  await stamps(since, 'halfOpen');
  const before = worked.length;
  const trying = Array.from({ length: 30 }, () => ++sequence);
  for (const one of trying) await offerOne(one, 'normal');
  await done(trying);
  const tried = worked.slice(before).filter(({ failed }) => failed).length;
  expect(tried).toBeGreaterThanOrEqual(1);
  expect(tried).toBeLessThanOrEqual(3);
  await everywhere('open');

  isGpuFailing = false;
  const offerAndLook = async () => {
    await offer(4);
    return stateAt(0);
  };
  await until(offerAndLook, {
    what: 'the trials to prove it',
    is: (state) => state === 'closed',
    timeoutMs: 15_000,
  });
  await offer(10);
  await everywhere('closed');
  expect(await offer(40)).toEqual({ gpu: 40 });

  const steps = (await events(since)).filter(({ event }) => event === 'route.step-changed');
  expect(steps.some(({ from, to }) => from === 'gpu' && to === 'cpu')).toBe(true);
  expect(steps.some(({ from, to }) => from === 'cpu' && to === 'gpu')).toBe(true);
  const metrics = await (await fetch(url(0, '/metrics'))).text();
  expect(metrics).toMatch(/frame_buffer_breaker_state\{[^}]*processor="gpu"[^}]*state="closed"[^}]*\} 1/);
  expect(metrics).toMatch(/frame_buffer_breaker_transitions_total\{[^}]*processor="gpu"[^}]*to="open"[^}]*\} [2-9]/);
});

test('a reset reaches both orchestrators, over REST and as a micro request', async () => {
  const reset = [
    async () => {
      const answer = await fetch(url(0, '/api/v1/breakers/gpu/reset'), { method: 'POST' });
      expect(await answer.json()).toMatchObject({ processor: 'gpu', state: 'closed', cause: 'breaker.reset' });
    },
    async () => {
      const answer = await nc.request(endpoint.resetRouteBreaker, '{"processor":"gpu"}', { timeout: 2_000 });
      expect(answer.json()).toMatchObject({ processor: 'gpu', state: 'closed' });
    },
  ];
  for (const ask of reset) {
    const since = new Date().toISOString();
    isGpuFailing = true;
    await offer(40);
    await everywhere('open');
    isGpuFailing = false;
    await ask();
    const opened = await stamps(since, 'open');
    const closed = await stamps(since, 'closed');
    // By the reset, and not by recovery and trials.
    for (const [i, at] of closed.entries()) expect(at - (opened[i] ?? 0)).toBeLessThan(RECOVERY_MS);
    await everywhere('closed');
    const told = (await events(since)).filter(({ event }) => event === 'route-breaker.reset');
    expect(told).toMatchObject([{ id: 'gpu', from: 'open' }]);
    expect(await offer(20)).toEqual({ gpu: 20 });
  }
});

test('a reset of nobody is refused', async () => {
  for (const [name, status, code] of [
    ['nobody', 404, 'processor_not_found'],
    ['No-Token', 400, 'invalid_input'],
  ] as const) {
    const answer = await fetch(url(0, `/api/v1/breakers/${name}/reset`), { method: 'POST' });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code });
  }
});
