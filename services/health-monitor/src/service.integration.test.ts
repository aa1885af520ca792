/** The service as a process, from outside: any order of start, its questions, its end. */
import { JsonBucket } from '@frame-buffer/jetstream';
import { BUCKET, endpoint, type Instance, instanceKey, instanceSchema } from '@frame-buffer/protocol';
import { freePort, makeTestFolder, spawnService, startTestBroker, until } from '@frame-buffer/testkit';
import { describe, expect, test } from 'vitest';
import { provision, startWorld } from './fixtures/world.ts';
import { healthSchema } from './health/assess.ts';
import { ledgerAnswerSchema } from './ledger/balance.ts';
import { overviewSchema } from './overview/overview.ts';
import { queuesSchema } from './streams/queues.ts';

const entry = new URL('main.ts', import.meta.url).pathname;

describe('health-monitor', () => {
  test('starts before broker and streams: says what is missing, then is ready by itself', async () => {
    const [brokerPort, port] = [await freePort(), await freePort()];
    await using folder = await makeTestFolder('health-monitor');
    const starting = spawnService({
      name: 'health-monitor',
      entry,
      env: environment(`nats://127.0.0.1:${brokerPort}`, port),
    });
    // Handled here as well: the test may fail before it awaits.
    starting.catch(() => {});

    const alone = await until(() => get(port, '/api/v1/health'), { what: 'an answer', timeoutMs: 10_000 });
    expect(alone.body).toMatchObject({ status: 'failing', faults: [{ code: 'broker_unreachable' }] });
    expect(await get(port, '/ready')).toMatchObject({ status: 503 });
    expect(await get(port, '/api/v1/ledger')).toMatchObject({
      status: 503,
      type: expect.stringContaining('application/problem+json'),
      body: { code: 'ledger_unavailable' },
    });
    expect(await get(port, '/api/v1/overview')).toMatchObject({ status: 503, body: { code: 'broker_unavailable' } });

    await using broker = await startTestBroker({ port: brokerPort, storeDir: folder.path });
    await until(() => get(port, '/api/v1/health'), {
      what: 'the missing streams to be named',
      timeoutMs: 10_000,
      is: ({ body }) => JSON.stringify(body).includes('stream_missing'),
    });
    await provision(await broker.connect());
    await using service = await starting;
    expect(service.port).toBe(port);
    expect(await get(port, '/ready')).toMatchObject({ status: 200 });
    await service.waitForLog(({ event, what }) => event === 'wait.goesOn' && String(what).includes('SETTLEMENTS'), {
      what: 'the line that says what is awaited',
    });
  });

  test('answers over HTTP and micro, beats while it lives, and leaves nothing behind', async () => {
    await using world = await startWorld();
    await world.register({ name: 'motion', capabilities: ['motion'], settles: true, liveness: 'heartbeat' });
    await world.settle('captured', [1, 2, 3]);
    await world.settle('processed', [1], { reason: 'handled', processor: 'motion' });
    await world.putFrames([2]);
    await world.putWork('motion', [3]);
    await using service = await spawnService({ name: 'health-monitor', entry, env: environment(world.broker.url) });
    const port = service.port ?? 0;

    const ledger = ledgerAnswerSchema.parse((await get(port, '/api/v1/ledger?since=0&camera=cam1&fresh=true')).body);
    expect(ledger.ledger).toMatchObject({ captured: 3, processed: 1, in_flight: 2, unaccounted: 0 });
    expect(queuesSchema.parse((await get(port, '/api/v1/queues')).body)).toEqual({
      lanes: [{ capability: 'motion', lane: 'normal', messages: 1 }],
      processors: [{ processor: 'motion', messages: 1 }],
    });
    const health = healthSchema.parse((await get(port, '/api/v1/health')).body);
    expect(health.faults.map(({ code }) => code)).toContain('processor_without_instance');
    const overview = await until(async () => overviewSchema.parse((await get(port, '/api/v1/overview')).body), {
      what: 'the second of the settlements to be over',
      is: ({ cameras }) => (cameras['cam1']?.capturedPerSecond ?? 0) > 0,
    });
    expect(overview.processors['motion']).toMatchObject({ instances: 0, queued: 1, processedPerSecond: 0.2 });
    expect(overview.capabilities['motion']).toMatchObject({ queued: 1, processedPerSecond: 0.2 });
    expect(overview.ledger).toMatchObject({ captured: 3, processed: 1 });

    const faulty = await get(port, '/api/v1/ledger?since=yesterday&colour=red');
    expect(faulty).toMatchObject({ status: 400, body: { code: 'invalid_input' } });

    const asked = await world.nc.request(endpoint.ledger, JSON.stringify({ camera: 'cam1' }));
    expect(ledgerAnswerSchema.parse(asked.json()).ledger.captured).toBe(3);
    healthSchema.parse((await world.nc.request(endpoint.health)).json());

    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toMatch(/frame_buffer_ledger_tasks\{.*outcome="in_flight".*\} 2/);
    expect(metrics).toMatch(/frame_buffer_ledger_unaccounted\{.*\} 0/);
    expect(metrics).toMatch(/frame_buffer_settlements_total\{.*kind="captured".*\} 3/);
    expect(metrics).toMatch(/frame_buffer_stream_messages\{.*stream="FRAMES".*\} 1/);

    const instances = await JsonBucket.open<Instance>({
      nc: world.nc,
      bucket: BUCKET.instances,
      schema: instanceSchema,
    });
    const key = instanceKey('service', 'health-monitor', 'hm-test');
    await until(() => instances.get(key), { what: 'a heartbeat' });
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(await instances.get(key)).toBeUndefined();
  });
});

function environment(natsUrl: string, port = 0): Record<string, string> {
  return {
    FRAME_BUFFER_NATS_URL: natsUrl,
    FRAME_BUFFER_PORT: String(port),
    FRAME_BUFFER_INSTANCE: 'hm-test',
    FRAME_BUFFER_LEDGER_INTERVAL_MS: '1000',
  };
}

async function get(port: number, path: string) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  const body = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, type: answer.headers.get('content-type'), body };
}
