/**
 * One registry as a process, at a real broker, from outside: REST, NATS micro, and a client that has nothing of ours.
 */
import { join } from 'node:path';
import { BUCKET, endpoint, LANES, type ProcessorInput } from '@frame-buffer/protocol';
import { type ServiceProcess, spawnService, startTestBroker, type TestBroker, until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';

let broker: TestBroker;
let registry: ServiceProcess;
let nc: NatsConnection;

beforeAll(async () => {
  broker = await startTestBroker();
  nc = await broker.connect();
  registry = await spawnService({
    name: 'registry',
    entry: join(import.meta.dirname, 'main.ts'),
    env: { FRAME_BUFFER_NATS_URL: broker.url, FRAME_BUFFER_PORT: '0', FRAME_BUFFER_INSTANCE: 'registry-1' },
  });
});

afterAll(async () => {
  await registry?.stop();
  await broker?.stop();
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Body;
}

/** What the answers hold of which this test looks at single fields. */
interface Body {
  readonly errors?: readonly { readonly message: string }[];
  readonly instances?: readonly unknown[];
  readonly capabilities?: readonly unknown[];
}

async function rest(method: string, path: string, body?: unknown): Promise<Answer> {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await fetch(`http://127.0.0.1:${registry.port}${path}`, { method, ...sent });
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, body: (await response.json()) as Body };
}

async function micro(
  subject: string,
  request: unknown,
): Promise<{ error: string | undefined; code: string; body: Answer['body'] }> {
  const answer = await nc.request(subject, JSON.stringify(request), { timeout: 5_000 });
  return {
    error: answer.headers?.get('Nats-Service-Error') || undefined,
    code: answer.headers?.get('Nats-Service-Error-Code') ?? '',
    body: answer.json(),
  };
}

async function bucket(name: string) {
  return new Kvm(nc).open(name);
}

async function consumers(stream: string): Promise<string[]> {
  const jsm = await jetstreamManager(nc);
  const names: string[] = [];
  for await (const { name } of jsm.consumers.list(stream)) names.push(name);
  return names.sort();
}

async function events(id: string): Promise<string[]> {
  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info('EVENTS');
  const found: string[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage('EVENTS', { seq });
    const event = message?.json<{ id: string; event: string }>();
    if (event?.id === id) found.push(event.event);
  }
  return found;
}

const lanesOf = (capability: string) => LANES.map((lane) => `${capability}_${lane}`).sort();

test('a registration by REST is 201, and its record, consumer and lanes are there when it is answered', async () => {
  const answer = await rest('POST', '/api/v1/processors', {
    name: 'rest-one',
    capabilities: ['rest-cap'],
    ackWaitMs: 5_000,
  });
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({
    state: 'registered',
    changed: [],
    processor: { name: 'rest-one', capabilities: ['rest-cap'], concurrency: 1 },
    queue: { stream: 'WORK', durable: 'rest-one', subject: 'work.rest-one.*', ackWaitMs: 5_000 },
  });
  expect(await consumers('WORK')).toContain('rest-one');
  expect(await consumers('FRAMES')).toEqual(expect.arrayContaining(lanesOf('rest-cap')));
  const record = await (await bucket(BUCKET.processors)).get('rest-one');
  expect(record?.json()).toMatchObject({ name: 'rest-one', capabilities: ['rest-cap'] });
  expect((await rest('GET', '/api/v1/processors/rest-one')).body).toMatchObject({ ready: true, instances: [] });
});

test('the same registration again changes nothing; a changed one says what changed', async () => {
  const registration = { name: 'again', capabilities: ['again-a', 'again-b'] };
  expect((await rest('POST', '/api/v1/processors', registration)).status).toBe(201);
  const store = await bucket(BUCKET.processors);
  const revision = (await store.get('again'))?.revision;

  const same = await rest('POST', '/api/v1/processors', { ...registration, capabilities: ['again-b', 'again-a'] });
  expect(same).toMatchObject({ status: 200, body: { state: 'unchanged', changed: [] } });
  expect((await store.get('again'))?.revision).toBe(revision);

  const changed = { name: 'again', capabilities: ['again-c'], ackWaitMs: 7_000, settles: true };
  expect(await rest('POST', '/api/v1/processors', changed)).toMatchObject({
    status: 200,
    body: { state: 'updated', changed: ['capabilities', 'settles', 'ackWaitMs'], queue: { ackWaitMs: 7_000 } },
  });
  const { config } = await (await jetstreamManager(nc)).consumers.info('WORK', 'again');
  expect({ wait: config.ack_wait, sample: config.sample_freq ?? '' }).toEqual({ wait: 7e9, sample: '' });
  expect(await consumers('FRAMES')).toEqual(expect.arrayContaining([...lanesOf('again-a'), ...lanesOf('again-c')]));
  await until(() => events('again'), {
    what: 'both events',
    is: (found) =>
      found.filter((event) => event !== 'processor.changed').join() === 'processor.registered,processor.updated',
  });
});

test('registration, renewal, list and deregistration over NATS micro', async () => {
  const registration: ProcessorInput = { name: 'over-micro', capabilities: ['micro-cap'], liveness: 'heartbeat' };
  expect(await micro(endpoint.registerProcessor, registration)).toMatchObject({
    error: undefined,
    body: { state: 'registered', queue: { durable: 'over-micro' } },
  });
  const list = () => micro(endpoint.listProcessors, { capability: 'micro-cap' });
  expect((await list()).body).toMatchObject({ processors: [{ name: 'over-micro', ready: false, instances: [] }] });

  await micro(endpoint.renewProcessor, { name: 'over-micro', instance: 'i-1', inFlight: 3 });
  expect((await list()).body).toMatchObject({
    processors: [{ ready: true, instances: [{ instance: 'i-1', inFlight: 3, state: 'ready' }] }],
  });

  expect(await micro(endpoint.deregisterProcessor, { name: 'over-micro' })).toMatchObject({
    error: undefined,
    body: { name: 'over-micro', left: 0 },
  });
  expect((await list()).body).toEqual({ processors: [] });
  expect(await consumers('WORK')).not.toContain('over-micro');
  await until(() => events('over-micro'), {
    what: 'its end in the audit log',
    is: (found) => found.includes('processor.deregistered'),
  });
  expect(await micro(endpoint.deregisterProcessor, { name: 'over-micro' })).toMatchObject({ code: '404' });
  expect(await micro(endpoint.renewProcessor, { name: 'over-micro', instance: 'i-1' })).toMatchObject({ code: '404' });
});

test('a heartbeat by REST makes an instance that joins, and leaves when it falls silent', async () => {
  await rest('POST', '/api/v1/processors', { name: 'beating', capabilities: ['beat'], liveness: 'heartbeat' });
  const put = await rest('PUT', '/api/v1/processors/beating/instances/box-1');
  expect(put).toMatchObject({ status: 200, body: { everyMs: 1_000, expiresAfterMs: 3_000 } });
  await rest('PUT', '/api/v1/processors/beating/instances/box-1', { processed: 12, state: 'draining' });
  expect((await rest('GET', '/api/v1/processors/beating')).body).toMatchObject({
    ready: false,
    instances: [{ instance: 'box-1', processed: 12, state: 'draining' }],
  });
  await until(() => events('box-1'), {
    what: 'the instance to leave',
    timeoutMs: 10_000,
    is: (found) => found.join() === 'instance.joined,instance.left',
  });
  expect((await rest('GET', '/api/v1/processors/beating')).body.instances).toEqual([]);
});

const NAMES = ['a.b', 'a b', '*', '>', '', 'Ä', 'x'.repeat(300)];

test.each([
  ['without capabilities', { name: 'bad' }, ['capabilities']],
  ['with no capability in the list', { name: 'bad', capabilities: [] }, ['capabilities']],
  [
    'with every fault at once',
    { name: 'a.b', capabilities: ['x y', '>'], concurrency: -1, maxQueue: 1.5, colour: 'red' },
    ['name', 'capabilities[0]', 'capabilities[1]', 'concurrency', 'maxQueue', 'colour'],
  ],
  ...NAMES.map((name) => [`with the name ${name.slice(0, 10)}`, { name, capabilities: ['good'] }, ['name']] as const),
] as const)(
  'a registration %s is refused with every fault, alike over REST and micro, and nothing is stored',
  async (_what, input, faults) => {
    const before = { lanes: await consumers('FRAMES'), queues: await consumers('WORK') };
    const refused = await rest('POST', '/api/v1/processors', input);
    expect(refused).toMatchObject({ status: 400, type: expect.stringContaining('application/problem+json') });
    const told = JSON.stringify(refused.body.errors);
    for (const fault of faults) expect(told).toContain(fault);

    const overMicro = await micro(endpoint.registerProcessor, input);
    expect(overMicro.code).toBe('400');
    expect(overMicro.body.errors?.map(({ message }) => message)).toEqual(
      refused.body.errors?.map(({ message }) => message),
    );
    expect({ lanes: await consumers('FRAMES'), queues: await consumers('WORK') }).toEqual(before);
  },
);

test('requests that are no registration at all are refused', async () => {
  expect((await rest('POST', '/api/v1/processors')).status).toBe(400);
  expect((await rest('POST', '/api/v1/processors', [1])).status).toBe(400);
  const malformed = await nc.request(endpoint.registerProcessor, '{"name":', { timeout: 5_000 });
  expect(malformed.headers?.get('Nats-Service-Error-Code')).toBe('400');
  expect((await rest('GET', `/api/v1/processors/${encodeURIComponent('a.*>')}`)).status).toBe(400);
  expect((await rest('GET', '/api/v1/processors?capability=a%20b')).status).toBe(400);
  expect((await rest('DELETE', '/api/v1/processors/again?force=perhaps')).status).toBe(400);
  expect((await rest('PUT', '/api/v1/processors/again/instances/i', { processed: -1 })).status).toBe(400);
  expect((await rest('PUT', '/api/v1/processors/nobody/instances/i')).status).toBe(404);
  expect((await rest('GET', '/api/v1/processors/nobody')).status).toBe(404);
});

test('lanes appear when a camera is stored, also for one whose record has fields of a newer version', async () => {
  const cameras = await bucket(BUCKET.cameras);
  await cameras.put('cam1', JSON.stringify({ name: 'cam1', url: 'push:', capabilities: ['seen-by-camera'], newer: 1 }));
  await until(() => consumers('FRAMES'), {
    what: 'the lanes of the capability',
    is: (names) => lanesOf('seen-by-camera').every((lane) => names.includes(lane)),
  });
  const { capabilities } = (await rest('GET', '/api/v1/capabilities')).body;
  expect(capabilities).toContainEqual({
    name: 'seen-by-camera',
    policy: { maxAgeMs: 60_000 },
    stored: false,
    cameras: ['cam1'],
    processors: [],
  });
});

test('a camera record that cannot be read is reported and harms nobody', async () => {
  const cameras = await bucket(BUCKET.cameras);
  await cameras.put('broken', '{"capabilities":["*"]}');
  await registry.waitForLog((line) => line['event'] === 'record.unreadable' && line['key'] === 'broken', {
    what: 'the unreadable record',
  });
  expect((await rest('GET', '/health')).status).toBe(200);
});

test('policies are kept, validated and shown', async () => {
  expect(await rest('PUT', '/api/v1/capabilities/policed', { maxAgeMs: 2_000 })).toMatchObject({
    status: 200,
    body: { name: 'policed', policy: { maxAgeMs: 2_000 } },
  });
  const { capabilities } = (await rest('GET', '/api/v1/capabilities')).body;
  expect(capabilities).toContainEqual(
    expect.objectContaining({ name: 'policed', stored: true, policy: { maxAgeMs: 2_000 } }),
  );
  expect((await (await bucket(BUCKET.capabilities)).get('policed'))?.json()).toEqual({ maxAgeMs: 2_000 });
  expect((await rest('PUT', '/api/v1/capabilities/policed', { maxAgeMs: -1, other: 1 })).body.errors).toHaveLength(2);
  expect((await rest('PUT', '/api/v1/capabilities/a.b', {})).status).toBe(400);
});

test('a client with nothing but a NATS connection can pull and answer at once after registering', async () => {
  const plain = await connect({ servers: broker.url });
  try {
    const registered = await plain.request(
      'registry.processors.register',
      '{"name":"plain","capabilities":["plain-cap"]}',
      {
        timeout: 5_000,
      },
    );
    const { queue } = registered.json<{ queue: { pull: string } }>();
    const inbox = plain.subscribe('my.inbox', { max: 1 });
    plain.publish(queue.pull, '{"batch":1,"expires":5000000000}', { reply: 'my.inbox' });
    plain.publish('work.plain.normal', 'a task');
    const next = await inbox[Symbol.asyncIterator]().next();
    expect(next.value?.string()).toBe('a task');
    const stored = async () => (await (await jetstreamManager(nc)).consumers.info('WORK', 'plain')).num_ack_pending;
    expect(await stored()).toBe(1);
    next.value?.respond('+ACK');
    await until(stored, { what: 'the ack to arrive', is: (pending) => pending === 0 });
  } finally {
    await plain.close();
  }
});

test('a processor with work left is not deregistered unless forced; what is left waits for its return', async () => {
  const registration = { name: 'busy', capabilities: ['busy-cap'] };
  await rest('POST', '/api/v1/processors', registration);
  await nc.request('work.busy.normal', 'a task');
  await nc.request('work.busy.high', 'another');
  expect(await rest('DELETE', '/api/v1/processors/busy')).toMatchObject({
    status: 409,
    body: { code: 'queue_not_empty', waiting: 2 },
  });
  expect((await rest('GET', '/api/v1/processors/busy')).status).toBe(200);
  expect(await rest('DELETE', '/api/v1/processors/busy?force=true')).toMatchObject({ status: 200, body: { left: 2 } });
  expect((await rest('GET', '/api/v1/processors/busy')).status).toBe(404);
  expect(await consumers('WORK')).not.toContain('busy');

  await rest('POST', '/api/v1/processors', registration);
  const { num_pending: waiting } = await (await jetstreamManager(nc)).consumers.info('WORK', 'busy');
  expect(waiting).toBe(2);
});

test('work that arrives while a processor is being deregistered keeps it registered', async () => {
  await rest('POST', '/api/v1/processors', { name: 'crossed', capabilities: ['crossed-cap'] });
  const store = await bucket(BUCKET.processors);
  const gone = await store.watch({ key: 'crossed' });
  const answer = rest('DELETE', '/api/v1/processors/crossed');
  for await (const entry of gone) {
    if (entry.operation === 'PUT') continue;
    // An orchestrator that has not heard of it yet.
    await nc.request('work.crossed.normal', 'late');
    break;
  }
  expect(await answer).toMatchObject({ status: 409, body: { waiting: 1 } });
  expect((await rest('GET', '/api/v1/processors/crossed')).status).toBe(200);
  expect(await consumers('WORK')).toContain('crossed');
});

test('a consumer that is deleted behind the back of the registry is made again when it verifies', async () => {
  await rest('POST', '/api/v1/processors', { name: 'robbed', capabilities: ['robbed-cap'] });
  const jsm = await jetstreamManager(nc);
  await jsm.consumers.delete('WORK', 'robbed');
  await jsm.consumers.delete('FRAMES', 'robbed-cap_high');
  expect((await micro(endpoint.verifyTopology, {})).body).toMatchObject({ state: 'verified' });
  expect(await consumers('WORK')).toContain('robbed');
  expect(await consumers('FRAMES')).toContain('robbed-cap_high');
});

test('its own heartbeat, readiness, metrics and micro service are there', async () => {
  const own = await (await bucket(BUCKET.instances)).get('service.registry.registry-1');
  expect(own?.json()).toMatchObject({ kind: 'service', name: 'registry', http: `http://127.0.0.1:${registry.port}` });
  expect(await rest('GET', '/ready')).toMatchObject({
    status: 200,
    body: { checks: expect.arrayContaining(['topology']) },
  });
  const metrics = await (await fetch(`http://127.0.0.1:${registry.port}/metrics`)).text();
  expect(metrics).toMatch(/frame_buffer_registry_processors\{[^}]*ready="true"[^}]*\} [1-9]/);
  expect(metrics).toMatch(/frame_buffer_registry_provisioned_total\{[^}]*what="stream"[^}]*state="created"[^}]*\} 7/);
  const info = await nc.request('$SRV.INFO.registry', '');
  expect(info.json()).toMatchObject({ name: 'registry', metadata: { instance: 'registry-1' } });
});
