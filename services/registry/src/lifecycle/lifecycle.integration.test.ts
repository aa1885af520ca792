/** Registries as processes, and processors that are nothing but heartbeats: who decides about whose life, and who goes on. */
import { join } from 'node:path';
import {
  type ActorRecord,
  type AuditEvent,
  actorKey,
  BUCKET,
  encodeBatch,
  endpoint,
  type Instance,
  instanceKey,
  type ProcessorInput,
} from '@frame-buffer/protocol';
import { type ServiceProcess, spawnService, startTestBroker, type TestBroker, until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { expect, test } from 'vitest';

interface World extends AsyncDisposable {
  readonly broker: TestBroker;
  readonly nc: NatsConnection;
  readonly registries: readonly ServiceProcess[];
  readonly events: readonly (AuditEvent & { readonly heardAt: number })[];
  bucket(name: string): Promise<KV>;
  /** The one that has the duty, and another. */
  holder(): Promise<{ holder: ServiceProcess; other: ServiceProcess }>;
  actor(processor: string): Promise<ActorRecord | undefined>;
  reaches(processor: string, state: string, timeoutMs?: number): Promise<ActorRecord>;
}

async function world(registries: number): Promise<World> {
  const broker = await startTestBroker();
  const started: ServiceProcess[] = [];
  for (let i = 1; i <= registries; i++) {
    started.push(
      await spawnService({
        name: `registry-${i}`,
        entry: join(import.meta.dirname, '../main.ts'),
        env: { FRAME_BUFFER_NATS_URL: broker.url, FRAME_BUFFER_PORT: '0', FRAME_BUFFER_INSTANCE: `registry-${i}` },
      }),
    );
  }
  const nc = await broker.connect();
  const bucket = (name: string) => new Kvm(nc).open(name);
  const events: (AuditEvent & { heardAt: number })[] = [];
  nc.subscribe('events.processor.*', {
    callback: (_error, message) => {
      events.push({ ...message.json<AuditEvent>(), heardAt: performance.now() });
    },
  });
  await nc.flush();
  const actor = async (processor: string) => {
    const entry = await (await bucket(BUCKET.actors)).get(actorKey('processor', processor));
    return entry === null || entry.operation !== 'PUT' ? undefined : entry.json<ActorRecord>();
  };
  return {
    broker,
    nc,
    registries: started,
    events,
    bucket,
    actor,
    async holder() {
      const lease = await until(
        async () => (await (await bucket(BUCKET.leases)).get('duty.lifecycle'))?.json<{ owner: string }>(),
        {
          what: 'somebody to have the duty',
        },
      );
      const [holder] = started.filter(({ name }) => name === lease?.owner);
      const [other] = started.filter(({ name }) => name !== lease?.owner);
      if (holder === undefined) throw new Error(`nobody is called ${lease?.owner}`);
      return { holder, other: other ?? holder };
    },
    async reaches(processor, state, timeoutMs = 8_000) {
      const record = await until(() => actor(processor), {
        what: `${processor} to be ${state}`,
        is: (found) => found?.state === state,
        timeoutMs,
      });
      return record as ActorRecord;
    },
    async [Symbol.asyncDispose]() {
      for (const one of started) await one.stop();
      await broker.stop();
    },
  };
}

async function ask(registry: ServiceProcess, method: string, path: string, body?: unknown) {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await fetch(`http://127.0.0.1:${registry.port}${path}`, { method, ...sent });
  return {
    status: answer.status,
    body: (await answer.json()) as { code?: string; ready?: boolean; lifecycle?: { state: string } },
  };
}

const register = (registry: ServiceProcess, processor: ProcessorInput) =>
  ask(registry, 'POST', '/api/v1/processors', processor);

/** One instance that beats every 500 ms until it is silenced. */
function beating({ bucket }: World, name: string, more: Partial<Instance> = {}) {
  const key = instanceKey('processor', name, 'i-1');
  const record = { kind: 'processor', name, instance: 'i-1', startedAt: new Date().toISOString(), ...more };
  const beat = async () => (await bucket(BUCKET.instances)).put(key, JSON.stringify(record));
  const first = beat();
  const timer = setInterval(() => void beat().catch(() => undefined), 500);
  return {
    first,
    silence: () => clearInterval(timer),
    leave: async () => {
      clearInterval(timer);
      await (await bucket(BUCKET.instances)).delete(key);
    },
  };
}

const live: ProcessorInput = { name: 'p', capabilities: ['ocr'], liveness: 'heartbeat', settles: true };

function batch(sequence: number): Buffer {
  const frame = {
    camera: 'cam',
    epoch: 1,
    sequence,
    capturedAtMs: 1_700_000_000_000,
    width: 64,
    height: 48,
    encoding: 'jpeg',
    byteSize: 10,
    pixelSequence: 0,
    priority: 5,
    maxAgeMs: 0,
    capabilities: ['ocr'],
  } as const;
  return encodeBatch({ capability: 'ocr', dispatcher: 'orchestrator-1' }, [{ frame, ageMs: 0 }]);
}

async function consumers(it: World): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of (await jetstreamManager(it.nc)).consumers.list('WORK')) names.push(name);
  return names;
}

test('silence makes it suspect, then lost within 3.5 s; its queue is returned; heartbeats revive it', async () => {
  await using it = await world(1);
  const { holder } = await it.holder();
  await register(holder, live);
  const instance = beating(it, 'p');
  await it.reaches('p', 'ready');
  for (let i = 1; i <= 20; i++) await it.nc.request('work.p.normal', batch(i));
  instance.silence();
  const silentAt = performance.now();
  await it.reaches('p', 'lost');
  const lost = it.events.find(({ to }) => to === 'lost');
  const returned = await until(() => it.events.find(({ event }) => event === 'queue.returned'), { what: 'the return' });
  const seconds = [(lost?.heardAt ?? 0) - silentAt, (returned?.heardAt ?? 0) - (lost?.heardAt ?? 0)].map(
    (ms) => ms / 1000,
  );
  expect(seconds[0]).toBeLessThan(3.5);
  expect(seconds[1]).toBeLessThan(5);
  expect(it.events.filter(({ to }) => to !== undefined).map(({ to }) => to)).toEqual([
    'registered',
    'ready',
    'suspect',
    'lost',
  ]);
  const jsm = await jetstreamManager(it.nc);
  expect((await jsm.consumers.info('FRAMES', 'ocr_normal')).num_pending).toBe(20);
  await until(() => consumers(it), { what: 'no consumer to be left', is: (names) => names.length === 0 });
  const shown = await ask(holder, 'GET', '/api/v1/processors/p');
  expect(shown.body).toMatchObject({
    ready: false,
    lifecycle: { state: 'lost', cause: 'after lostMs', by: 'registry-1' },
  });

  // Somebody who had not heard of it.
  await it.nc.request('work.p.normal', batch(21));
  await until(() => jsm.consumers.info('FRAMES', 'ocr_normal'), {
    what: 'the late one',
    is: (info) => info.num_pending === 21,
  });

  const again = beating(it, 'p');
  await it.reaches('p', 'ready');
  expect(await consumers(it)).toEqual(['p']);
  again.silence();
});

test('the holder of the duty is killed: another goes on with what was kept, within 5 s', async () => {
  await using it = await world(2);
  const { holder, other } = await it.holder();
  await register(other, live);
  await register(other, { ...live, name: 'dies' });
  const [stays, dies] = [beating(it, 'p'), beating(it, 'dies')];
  await it.reaches('p', 'ready');
  await it.reaches('dies', 'ready');
  const before = await it.actor('p');
  holder.kill('SIGKILL');
  dies.silence();
  const killedAt = performance.now();
  await other.waitForLog(({ event }) => event === 'duty.taken', { what: 'the duty', timeoutMs: 8_000 });
  expect((performance.now() - killedAt) / 1000).toBeLessThan(5);
  const claimed = await until(() => it.actor('p'), { what: 'the claim', is: (record) => record?.by === other.name });
  expect(claimed).toMatchObject({ state: 'ready', since: before?.since });
  // Silent all the time: it is not given another three seconds.
  await it.reaches('dies', 'lost', 2_000);
  await until(() => it.events.find(({ event, id }) => event === 'queue.returned' && id === 'dies'), {
    what: 'the return',
  });
  expect((await it.actor('p'))?.state).toBe('ready');
  expect(it.events.filter(({ id, to }) => id === 'p' && to !== undefined).map(({ to }) => to)).toEqual([
    'registered',
    'ready',
  ]);
  stays.silence();
});

test('a holder that was frozen believes in its duty, and changes nothing any more', async () => {
  await using it = await world(2);
  const { holder, other } = await it.holder();
  await register(other, live);
  const instance = beating(it, 'p');
  await it.reaches('p', 'ready');
  holder.kill('SIGSTOP');
  await until(() => it.actor('p'), {
    what: 'the other to claim it',
    is: (record) => record?.by === other.name,
    timeoutMs: 8_000,
  });
  holder.kill('SIGCONT');
  await holder.waitForLog(({ event }) => event === 'duty.lost' || event === 'actor.superseded', { what: 'it to see' });
  await until(async () => (await ask(holder, 'GET', '/api/v1/processors/p')).body.lifecycle, {
    what: 'one view',
    is: (view) => view?.state === 'ready',
  });
  expect(await it.actor('p')).toMatchObject({ state: 'ready', by: other.name });
  expect(it.events.filter(({ to }) => to === 'lost' || to === 'suspect')).toEqual([]);
  instance.silence();
});

test('killed in the middle of a return, the other registry brings it to its end: each task once', async () => {
  await using it = await world(2);
  const { holder, other } = await it.holder();
  await register(other, live);
  const instance = beating(it, 'p');
  await it.reaches('p', 'ready');
  for (let i = 1; i <= 900; i++) it.nc.publish('work.p.normal', batch(i));
  await it.nc.flush();
  instance.silence();
  const jsm = await jetstreamManager(it.nc);
  await until(() => jsm.streams.info('FRAMES'), {
    what: 'the middle',
    is: ({ state }) => state.messages > 0,
    timeoutMs: 10_000,
    intervalMs: 1,
  });
  holder.kill('SIGKILL');
  await until(() => it.events.find(({ event }) => event === 'queue.returned'), {
    what: 'the end of it',
    timeoutMs: 12_000,
  });
  expect((await jsm.streams.info('FRAMES')).state.messages).toBe(900);
  expect((await jsm.streams.info('WORK')).state.messages).toBe(0);
  expect(await it.actor('p')).toMatchObject({ state: 'lost', by: other.name });
});

test('drain over any registry: nothing new, then removed when it is empty and its instances have left; resume takes it back', async () => {
  await using it = await world(2);
  const { holder, other } = await it.holder();
  await register(holder, live);
  const instance = beating(it, 'p');
  await it.reaches('p', 'ready');
  const drained = await ask(other, 'POST', '/api/v1/processors/p/drain');
  expect(drained).toMatchObject({ status: 200, body: { name: 'p', lifecycle: { state: 'draining' } } });
  expect((await ask(other, 'GET', '/api/v1/processors/p')).body.ready).toBe(false);
  // An instance that registers as it always does takes nothing back.
  expect((await register(other, live)).status).toBe(200);
  expect((await it.actor('p'))?.state).toBe('draining');
  expect(await ask(other, 'POST', '/api/v1/processors/p/resume')).toMatchObject({ status: 200 });
  await it.reaches('p', 'ready');

  const overMicro = await it.nc.request(endpoint.drainProcessor, '{"name":"p"}');
  expect(overMicro.json()).toMatchObject({ lifecycle: { state: 'draining' } });
  await instance.leave();
  await until(() => ask(other, 'GET', '/api/v1/processors/p'), {
    what: 'it to be gone',
    is: ({ status }) => status === 404,
  });
  expect(await until(() => consumers(it), { what: 'no consumer', is: (names) => names.length === 0 })).toEqual([]);
  await until(() => it.actor('p'), { what: 'nothing to be kept', is: (record) => record === undefined });
  expect((await ask(other, 'POST', '/api/v1/processors/p/drain')).status).toBe(404);
  expect((await register(other, live)).status).toBe(201);
  expect(await consumers(it)).toEqual(['p']);
});

test('whoever registers while its queue is on its way back gets it when that is done', async () => {
  await using it = await world(2);
  const { other } = await it.holder();
  await register(other, live);
  const instance = beating(it, 'p');
  await it.reaches('p', 'ready');
  for (let i = 1; i <= 200; i++) it.nc.publish('work.p.normal', batch(i));
  instance.silence();
  await it.reaches('p', 'lost');
  const answer = await register(other, live);
  expect(answer.status).toBe(200);
  expect(await consumers(it)).toEqual(['p']);
  expect((await (await jetstreamManager(it.nc)).streams.info('FRAMES')).state.messages).toBe(200);
});

test('one that lives by its registration is never lost of silence', async () => {
  await using it = await world(1);
  const { holder } = await it.holder();
  await register(holder, { name: 'trusted', capabilities: ['ocr'] });
  await register(holder, live);
  await it.reaches('trusted', 'ready');
  const instance = beating(it, 'p');
  const once = beating(it, 'trusted');
  await it.reaches('p', 'ready');
  once.silence();
  instance.silence();
  await it.reaches('p', 'lost');
  expect((await it.actor('trusted'))?.state).toBe('ready');
});

test('a broker that is frozen for 8 s loses nobody, and silence counts again afterwards', async () => {
  await using it = await world(1);
  const { holder } = await it.holder();
  await register(holder, live);
  const instance = beating(it, 'p');
  await it.reaches('p', 'ready');
  await until(async () => (await it.bucket(BUCKET.instances)).get('service.registry.registry-1'), {
    what: 'its own heartbeat',
  });
  it.broker.kill('SIGSTOP');
  await holder.waitForLog(({ event }) => event === 'heartbeats.suspended', { what: 'it to notice' });
  const frozenAt = performance.now();
  await until(() => performance.now() - frozenAt > 8_000, { what: 'the time', timeoutMs: 9_000, intervalMs: 100 });
  it.broker.kill('SIGCONT');
  await holder.waitForLog(({ event }) => event === 'heartbeats.resumed', { what: 'it to notice', timeoutMs: 10_000 });
  const backAt = performance.now();
  await until(() => performance.now() - backAt > 6_000, {
    what: 'the grace period',
    timeoutMs: 7_000,
    intervalMs: 100,
  });
  expect(it.events.filter(({ to }) => to === 'suspect' || to === 'lost')).toEqual([]);
  instance.silence();
  await it.reaches('p', 'lost');
});

test('bad input: snapshots of other versions are set aside, a start in the future is told; nobody is harmed', async () => {
  await using it = await world(1);
  const { holder } = await it.holder();
  const actors = await it.bucket(BUCKET.actors);
  const at = new Date().toISOString();
  const record: ActorRecord = {
    version: 99,
    state: 'of-tomorrow',
    since: at,
    cause: '',
    by: 'somebody',
    at,
    snapshot: { machine: 'processor', version: 99, state: { value: 'of-tomorrow', context: {} } },
  };
  await actors.put(actorKey('processor', 'p'), JSON.stringify(record));
  await actors.put(actorKey('processor', 'rubbish'), 'no JSON');
  await register(holder, live);
  await register(holder, { ...live, name: 'rubbish' });
  const instance = beating(it, 'p', { startedAt: new Date(Date.now() + 3_600_000).toISOString() });
  await it.reaches('p', 'ready');
  await it.reaches('rubbish', 'registered');
  await until(
    () => it.events.filter(({ event }) => event === 'actor.set_aside').map(({ id, cause }) => `${id} ${cause}`),
    {
      what: 'it to be told',
      is: (told) => told.some((line) => line.startsWith('p newer_version')),
    },
  );
  expect((await actors.get('aside.processor.p'))?.json()).toEqual(record);
  expect(it.events.filter(({ event }) => event === 'heartbeat.from_future').map(({ id }) => id)).toEqual(['p']);

  // Somebody else writes what only the host may write.
  await actors.put(actorKey('processor', 'p'), JSON.stringify({ ...record, state: 'forged' }));
  instance.silence();
  await until(() => it.events.find(({ event }) => event === 'actor.superseded'), {
    what: 'the conflict',
    timeoutMs: 8_000,
  });
  await it.reaches('p', 'registered');
  expect((await ask(holder, 'GET', '/health')).status).toBe(200);
});
