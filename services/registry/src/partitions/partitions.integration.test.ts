/** The registry as processes against a real broker; the test plays the instances of an ordered processor. */
import { JsonBucket, Publisher, PullLoop } from '@frame-buffer/jetstream';
import {
  type Assignment,
  assignmentKey,
  assignmentSchema,
  BUCKET,
  endpoint,
  fenceHeaders,
  fenceSubject,
  type Instance,
  instanceKey,
  instanceSchema,
  parsePartitionDurable,
  partitionDurable,
  STREAM,
  subject,
} from '@frame-buffer/protocol';
import { type ServiceProcess, spawnService, startTestBroker, type TestBroker, until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

const entry = new URL('../main.ts', import.meta.url).pathname;
const PARTITIONS = 6;

let broker: TestBroker;
let nc: NatsConnection;
let registries: ServiceProcess[];
let assignments: JsonBucket<Assignment>;
let heartbeats: JsonBucket<Instance>;
const alive = new Map<string, NodeJS.Timeout>();

beforeAll(async () => {
  broker = await startTestBroker();
  nc = await broker.connect({ name: 'test' });
  registries = [await startRegistry('reg-a'), await startRegistry('reg-b')];
  assignments = await JsonBucket.open({ nc, bucket: BUCKET.assignments, schema: assignmentSchema });
  heartbeats = await JsonBucket.open({ nc, bucket: BUCKET.instances, schema: instanceSchema });
  expect(await put('/api/v1/capabilities/track', { ordered: true, partitions: PARTITIONS })).toMatchObject({
    status: 200,
  });
  expect(await register({ name: 'tracker', capabilities: ['track'] })).toMatchObject({ partitions: PARTITIONS });
});

afterEach(() => {
  for (const timer of alive.values()) clearInterval(timer);
  alive.clear();
});

afterAll(async () => {
  await Promise.all(registries.map((registry) => registry.stop()));
  await broker[Symbol.asyncDispose]();
});

function startRegistry(instance: string): Promise<ServiceProcess> {
  const env = { FRAME_BUFFER_NATS_URL: broker.url, FRAME_BUFFER_PORT: '0', FRAME_BUFFER_INSTANCE: instance };
  return spawnService({ name: instance, entry, env });
}

async function put(path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`http://127.0.0.1:${registries.at(-1)?.port}${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function ask(to: string, body: object): Promise<Record<string, unknown>> {
  return (await nc.request(to, JSON.stringify(body), { timeout: 5_000 })).json();
}

const register = (more: object) =>
  ask(endpoint.registerProcessor, { settles: true, liveness: 'heartbeat', maxBatch: 64, ...more });

function beat(instance: string): void {
  const key = instanceKey('processor', 'tracker', instance);
  const record = instanceSchema.parse({
    kind: 'processor',
    name: 'tracker',
    instance,
    startedAt: new Date().toISOString(),
  });
  const send = () => void heartbeats.put(key, record).catch(() => undefined);
  send();
  alive.set(instance, setInterval(send, 500));
}

function fallSilent(instance: string): void {
  clearInterval(alive.get(instance));
  alive.delete(instance);
}

async function records(): Promise<Assignment[]> {
  const all = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, p) => assignments.get(assignmentKey('tracker', p))),
  );
  return all.flatMap((stored) => (stored === undefined ? [] : [stored.value]));
}

/** Waits until the partitions are shared so; drains are obeyed meanwhile. */
function shared(shares: Record<string, number>, obey = true): Promise<Assignment[]> {
  return until(
    async () => {
      const now = await records();
      if (obey)
        for (const [partition, { state, instance, epoch }] of now.entries())
          if (state === 'draining')
            await ask(endpoint.releasePartition, { processor: 'tracker', partition, instance, epoch, positions: {} });
      return now;
    },
    {
      what: `shares ${JSON.stringify(shares)}`,
      is: (now) =>
        now.filter(({ state }) => state === 'assigned').length === PARTITIONS &&
        Object.entries(shares).every(
          ([name, share]) => now.filter(({ instance }) => instance === name).length === share,
        ),
      timeoutMs: 20_000,
    },
  );
}

async function consumers(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of (await jetstreamManager(nc)).consumers.list(STREAM.work))
    if (parsePartitionDurable(name)?.processor === 'tracker') names.push(name);
  return names.sort();
}

test('joins, a leave and a death: balanced, few moves, one consumer a partition, and the former owner is fenced', async () => {
  beat('a');
  const alone = await shared({ a: 6 });
  const publisher = new Publisher(nc);
  await publisher.publish(subject.work('tracker', 'p0'), Buffer.from('1'));
  const inHand: string[] = [];
  const loop = new PullLoop({
    nc,
    stream: STREAM.work,
    durable: partitionDurable('tracker', 0, alone[0]?.epoch ?? 0),
    want: () => 1,
    onMessage: ({ data }) => void inHand.push(Buffer.from(data).toString()),
  });
  await until(() => inHand.length, { what: 'a message in hand', is: (count) => count === 1 });

  beat('b');
  const two = await shared({ a: 3, b: 3 });
  beat('c');
  const three = await shared({ a: 2, b: 2, c: 2 });
  expect(three.filter(({ instance }, p) => instance !== two[p]?.instance)).toHaveLength(2);
  expect(await consumers()).toEqual(three.map(({ epoch }, p) => partitionDurable('tracker', p, epoch)).sort());

  const owner = three[0]?.instance ?? '';
  const before = await records();
  fallSilent(owner);
  const rest = ['a', 'b', 'c'].filter((name) => name !== owner);
  const after = await shared(Object.fromEntries(rest.map((name) => [name, 3])));
  expect(after[0]?.epoch).toBeGreaterThan(before[0]?.epoch ?? 0);
  for (const [p, { instance, epoch }] of before.entries())
    if (instance !== owner) expect(after[p]).toMatchObject({ instance, epoch });

  const fence = fenceSubject.settlements('tracker', 0);
  const written = (sequence = 0) =>
    publisher.publish(subject.settled('x'), Buffer.from('x'), { headers: fenceHeaders(fence, sequence) });
  expect(await written(before[0]?.settlementsFence)).toMatchObject({ ok: false, reason: 'wrong_sequence' });
  expect(await written(after[0]?.settlementsFence)).toMatchObject({ ok: true });
  await loop.stop();
  publisher.close();
});

test('an owner that does not give back in time is cut off; what it had in hand may be a repeat', async () => {
  beat('a');
  const alone = await shared({ a: 6 });
  const publisher = new Publisher(nc);
  for (let p = 0; p < PARTITIONS; p++) await publisher.publish(subject.work('tracker', `p${p}`), Buffer.from('1'));
  const inHand: number[] = [];
  const loops = alone.map(
    ({ epoch }, p) =>
      new PullLoop({
        nc,
        stream: STREAM.work,
        durable: partitionDurable('tracker', p, epoch),
        want: () => 1,
        onMessage: () => void inHand.push(p),
      }),
  );
  await until(() => inHand.length, { what: 'all in hand', is: (count) => count === PARTITIONS });
  beat('b');
  const now = await shared({ a: 3, b: 3 }, false);
  expect(now.filter(({ instance, mayRepeat }) => instance === 'b' && mayRepeat)).toHaveLength(3);
  await Promise.all(loops.map((loop) => loop.stop()));
  publisher.close();
});

test('bad input: a claim to a partition that is another one is refused, told, and changes nothing', async () => {
  beat('a');
  const before = await shared({ a: 6 });
  const claim = (instance: string, epoch: number) =>
    ask(endpoint.releasePartition, { processor: 'tracker', partition: 1, instance, epoch, positions: {} });
  const epoch = before[1]?.epoch ?? 0;
  expect(await claim('intruder', epoch)).toMatchObject({
    status: 409,
    code: 'partition_not_yours',
    detail: `p1 of tracker is not intruder's under epoch ${epoch}: a has it under epoch ${epoch}`,
  });
  expect(await claim('a', epoch - 1)).toMatchObject({ status: 409, code: 'partition_moved' });
  expect(await claim('a', epoch + 1)).toMatchObject({ status: 409, code: 'partition_not_yours' });
  expect(await records()).toEqual(before);
  const events = (await jetstreamManager(nc)).direct;
  const told = await until(() => events.getMessage(STREAM.events, { last_by_subj: 'events.processor.tracker' }), {
    what: 'the event',
    is: (message) => message?.json<{ event: string }>().event === 'partition.claim_refused',
  });
  expect(told?.json()).toMatchObject({ cause: expect.stringContaining('p1 of tracker') });
});

test('bad input: ordered and unordered are not mixed, plain clients own nothing, and policies cannot do it behind their back', async () => {
  expect(await register({ name: 'both', capabilities: ['track', 'look'] })).toMatchObject({
    status: 409,
    code: 'mixed_ordering',
  });
  expect(await register({ name: 'plain', capabilities: ['track'], settles: false })).toMatchObject({
    status: 422,
    code: 'ordered_needs_settlements',
  });
  expect(await register({ name: 'two', capabilities: ['look', 'hear'] })).toMatchObject({ partitions: 0 });
  expect(await put('/api/v1/capabilities/look', { ordered: true })).toMatchObject({
    status: 409,
    body: { code: 'mixed_ordering' },
  });
});

test('a processor whose capability becomes ordered: its queue goes back, its consumer goes, partitions come', async () => {
  await register({ name: 'late', capabilities: ['later'] });
  const api = (await jetstreamManager(nc)).consumers;
  expect(await api.info(STREAM.work, 'late')).toMatchObject({ name: 'late' });
  expect(await put('/api/v1/capabilities/later', { ordered: true, partitions: 2 })).toMatchObject({ status: 200 });
  const key = instanceKey('processor', 'late', 'late-1');
  const record = instanceSchema.parse({
    kind: 'processor',
    name: 'late',
    instance: 'late-1',
    startedAt: new Date().toISOString(),
  });
  alive.set(
    'late-1',
    setInterval(() => void heartbeats.put(key, record), 500),
  );
  await until(() => assignments.get(assignmentKey('late', 1)), {
    what: 'its partitions',
    is: (stored) => stored?.value.instance === 'late-1',
    timeoutMs: 10_000,
  });
  await expect(api.info(STREAM.work, 'late')).rejects.toThrow('consumer not found');
});

test('the duty moves when its holder is killed, and owners stay who they are', async () => {
  beat('a');
  beat('b');
  await shared({ a: 3, b: 3 });
  const before = await records();
  registries.shift()?.kill('SIGKILL');
  fallSilent('b');
  const after = await shared({ a: 6 });
  for (const [p, { instance, epoch }] of before.entries()) if (instance === 'a') expect(after[p]?.epoch).toBe(epoch);
});
