/** What a registry lives through: other registries, differences, a broker that comes late, goes away, or forgets everything. */
import { join } from 'node:path';
import { BUCKET, bucketDefinitions, LANES, streamDefinitions } from '@frame-buffer/protocol';
import {
  freePort,
  type ServiceProcess,
  spawnService,
  startTestBroker,
  type TestBroker,
  until,
} from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { expect, test } from 'vitest';

const PIXELS = 'PIXELS';

function startOne(url: string, env: Record<string, string> = {}): Promise<ServiceProcess> {
  return spawnService({
    name: 'registry',
    entry: join(import.meta.dirname, 'main.ts'),
    env: { FRAME_BUFFER_NATS_URL: url, FRAME_BUFFER_PORT: '0', ...env },
  });
}

async function get(registry: { port: number | undefined }, path: string) {
  const response = await fetch(`http://127.0.0.1:${registry.port}${path}`);
  return { status: response.status, body: (await response.json()) as Body };
}

/** What the answers hold of which this test looks at single fields. */
interface Body {
  readonly state?: string;
  readonly detail?: string;
  readonly entries?: readonly { readonly name: string; readonly differences: readonly unknown[] }[];
  readonly processors?: readonly { readonly name: string }[];
}

async function register(registry: { port: number | undefined }, processor: object) {
  const response = await fetch(`http://127.0.0.1:${registry.port}/api/v1/processors`, {
    method: 'POST',
    body: JSON.stringify(processor),
    headers: { 'content-type': 'application/json' },
  });
  return { status: response.status, body: (await response.json()) as { state?: string; code?: string } };
}

async function streamNames(broker: TestBroker): Promise<string[]> {
  const jsm = await jetstreamManager(await broker.connect());
  const names: string[] = [];
  for await (const { config } of jsm.streams.list()) names.push(config.name);
  return names.sort();
}

const EVERYTHING = [
  ...streamDefinitions().map(({ name }) => name),
  ...bucketDefinitions.map(({ name }) => `KV_${name}`),
].sort();

const eventIs = (event: string) => (line: Readonly<Record<string, unknown>>) => line['event'] === event;

test('a fresh broker is provisioned; a second start verifies and changes nothing', async () => {
  await using broker = await startTestBroker();
  {
    await using first = await startOne(broker.url, { FRAME_BUFFER_PIXELS_MAX_BYTES: String(64 * 1024 * 1024) });
    expect(await streamNames(broker)).toEqual(EVERYTHING);
    const { body } = await get(first, '/api/v1/topology');
    expect(body.state).toBe('verified');
    expect(body.entries).toHaveLength(EVERYTHING.length);
    expect(first.logs.filter(eventIs('topology.created'))).toHaveLength(EVERYTHING.length);
    expect((await first.stop()).code).toBe(0);
  }
  await using second = await startOne(broker.url, { FRAME_BUFFER_PIXELS_MAX_BYTES: String(64 * 1024 * 1024) });
  expect((await get(second, '/api/v1/topology')).body.state).toBe('verified');
  expect(second.logs.filter(eventIs('topology.created'))).toEqual([]);
  expect(second.logs.filter(eventIs('topology.different'))).toEqual([]);
});

test('a difference is reported and not overwritten; one that changes the meaning is not ready', async () => {
  await using broker = await startTestBroker();
  const jsm = await jetstreamManager(await broker.connect());
  await jsm.streams.add({ name: PIXELS, subjects: ['pixels.*'], max_bytes: 1_000_000, allow_direct: true });
  {
    await using registry = await startOne(broker.url);
    const line = await registry.waitForLog(
      (one) => eventIs('topology.different')(one) && one['field'] === 'max_bytes',
      {
        what: 'the difference',
      },
    );
    expect(line).toMatchObject({ what: 'stream', name: PIXELS, wanted: 2 * 1024 ** 3, found: 1_000_000 });
    const { state, entries } = (await get(registry, '/api/v1/topology')).body;
    expect(state).toBe('different');
    const pixels = entries?.find(({ name }) => name === PIXELS);
    expect(pixels?.differences).toContainEqual({ field: 'max_bytes', wanted: 2 * 1024 ** 3, found: 1_000_000 });
    const ready = await get(registry, '/ready');
    expect(ready.status).toBe(200);
    expect(JSON.stringify(ready.body)).toContain('PIXELS (');
    expect((await jsm.streams.info(PIXELS)).config.max_bytes).toBe(1_000_000);
  }
  await jsm.streams.update(PIXELS, { subjects: ['pixels.*', 'more.*'] });
  await using registry = await startOne(broker.url);
  const ready = await get(registry, '/ready');
  expect(ready.status).toBe(503);
  expect(ready.body.detail).toContain('PIXELS (subjects)');
  expect((await jsm.streams.info(PIXELS)).config.subjects).toEqual(['pixels.*', 'more.*']);
});

test('two registries start and register at the same time: one topology, one record each, nothing fails', async () => {
  await using broker = await startTestBroker();
  const [one, two] = await Promise.all([startOne(broker.url), startOne(broker.url)]);
  await using _one = one;
  await using _two = two;
  expect(await streamNames(broker)).toEqual(EVERYTHING);
  const registries = [one, two, one, two];
  const names = ['p-0', 'p-1', 'p-2', 'p-3', 'p-4'];
  for (const name of names) {
    const answers = await Promise.all(
      registries.map((registry, index) => register(registry, { name, capabilities: [`c-${index % 2}`, name] })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
  }
  const jsm = await jetstreamManager(await broker.connect());
  for (const name of names)
    expect((await jsm.consumers.info('WORK', name)).config.filter_subject).toBe(`work.${name}.*`);
  for (const registry of [one, two]) {
    const { body } = await until(() => get(registry, '/api/v1/processors'), {
      what: 'both to see all',
      is: (answer) => answer.body.processors?.length === names.length,
    });
    expect(body.processors?.map(({ name }) => name)).toEqual(names);
    expect(registry.logs.filter(({ level }) => level === 'error')).toEqual([]);
  }
  // Both saw both heartbeats come; the audit log has each once.
  const kv = await new Kvm(await broker.connect()).open(BUCKET.instances);
  await kv.put(
    'service.visitor.v-1',
    JSON.stringify({ kind: 'service', name: 'visitor', instance: 'v-1', startedAt: new Date().toISOString() }),
  );
  for (const registry of [one, two]) {
    await registry.waitForLog((line) => eventIs('instance.left')(line) && line['who'] === 'v-1', {
      what: 'the visitor to leave',
      timeoutMs: 10_000,
    });
  }
  const counted = await until(
    async () => (await jsm.streams.info('EVENTS', { subjects_filter: 'events.instance.v-1' })).state.subjects,
    { what: 'the events of the visitor', is: (subjects) => subjects?.['events.instance.v-1'] === 2 },
  );
  expect(counted).toEqual({ 'events.instance.v-1': 2 });
});

test('without a broker it lives and says so; when the broker comes it becomes ready', async () => {
  const [port, httpPort] = [await freePort(), await freePort()];
  const starting = spawnService({
    name: 'registry',
    entry: join(import.meta.dirname, 'main.ts'),
    env: { FRAME_BUFFER_NATS_URL: `nats://127.0.0.1:${port}`, FRAME_BUFFER_PORT: String(httpPort) },
  });
  try {
    const http = { port: httpPort };
    await until(() => get(http, '/health'), { what: 'health', is: ({ status }) => status === 200 });
    expect((await get(http, '/ready')).body.detail).toContain('waits for the broker');
    expect(await register(http, { name: 'early', capabilities: ['c'] })).toMatchObject({
      status: 503,
      body: { code: 'broker_unavailable' },
    });
    await using broker = await startTestBroker({ port });
    await using registry = await starting;
    expect(await get(registry, '/ready')).toMatchObject({ status: 200 });
    expect((await register(registry, { name: 'early', capabilities: ['c'] })).status).toBe(201);
    expect(await streamNames(broker)).toEqual(EVERYTHING);
  } finally {
    await starting.then((registry) => registry.stop()).catch(() => undefined);
  }
});

test('an outage: refuses at once, forgets nothing, and goes on by itself; cameras of the meantime get their lanes', async () => {
  await using broker = await startTestBroker();
  await using registry = await startOne(broker.url);
  await register(registry, { name: 'before', capabilities: ['c'] });
  broker.kill('SIGKILL');
  await registry.waitForLog(eventIs('broker.lost'), { what: 'the loss' });
  expect((await get(registry, '/ready')).body.detail).toContain('the broker is away');
  expect((await get(registry, '/health')).status).toBe(200);
  const began = performance.now();
  expect(await register(registry, { name: 'during', capabilities: ['c'] })).toMatchObject({ status: 503 });
  expect(performance.now() - began).toBeLessThan(1_000);
  expect((await get(registry, '/api/v1/processors')).body.processors).toHaveLength(1);

  await broker.restart();
  const nc = await broker.connect();
  await (await new Kvm(nc).open(BUCKET.cameras)).put('cam', JSON.stringify({ capabilities: ['meanwhile'] }));
  await until(() => get(registry, '/ready'), {
    what: 'readiness',
    timeoutMs: 10_000,
    is: ({ status }) => status === 200,
  });
  expect((await register(registry, { name: 'during', capabilities: ['c'] })).status).toBe(201);
  const jsm = await jetstreamManager(nc);
  await until(
    async () => {
      const names: string[] = [];
      for await (const { name } of jsm.consumers.list('FRAMES')) names.push(name);
      return LANES.every((lane) => names.includes(`meanwhile_${lane}`));
    },
    { what: 'the lanes of the camera' },
  );
  expect(registry.logs.filter(eventIs('topology.created')).filter(({ what }) => what !== 'consumer')).toHaveLength(
    EVERYTHING.length,
  );
});

test('a broker that comes back with an empty store is provisioned anew, and old records are not shown', async () => {
  await using broker = await startTestBroker();
  await using registry = await startOne(broker.url);
  await register(registry, { name: 'forgotten', capabilities: ['c'] });
  await broker.stop(); // deletes the store, too
  await registry.waitForLog(eventIs('broker.lost'), { what: 'the loss' });
  await broker.restart();
  await until(() => get(registry, '/ready'), {
    what: 'readiness',
    timeoutMs: 10_000,
    is: ({ status }) => status === 200,
  });
  expect(await streamNames(broker)).toEqual(EVERYTHING);
  expect((await get(registry, '/api/v1/processors')).body.processors).toEqual([]);
  expect(await register(registry, { name: 'forgotten', capabilities: ['c'] })).toMatchObject({ status: 201 });
  const cameras = await new Kvm(await broker.connect()).open(BUCKET.cameras);
  await cameras.put('cam', JSON.stringify({ capabilities: ['after'] }));
  const jsm = await jetstreamManager(await broker.connect());
  await until(() => jsm.consumers.info('FRAMES', 'after_retry'), { what: 'the lanes of a new camera' });
});

test('it stops within its bound while the broker is away', async () => {
  await using broker = await startTestBroker();
  await using registry = await startOne(broker.url);
  broker.kill('SIGKILL');
  await registry.waitForLog(eventIs('broker.lost'), { what: 'the loss' });
  expect(await registry.stop()).toMatchObject({ code: 0 });
});
