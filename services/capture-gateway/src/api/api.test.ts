/** REST of the gateway, without a socket: what is answered, and what has happened by then. */
import { createHttpServer } from '@frame-buffer/service';
import { createMetrics, silentLogger } from '@frame-buffer/telemetry';
import sharp from 'sharp';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Gateway, startGateway } from '../cameras/cameras.fixture.ts';
import { cameraRoutes } from './cameras.ts';
import { frameRoutes } from './frames.ts';

const jpeg = await sharp({ create: { width: 48, height: 32, channels: 3, background: '#a03060' } })
  .jpeg()
  .toBuffer();

/** Of a wait for what takes milliseconds on a machine that has nothing else to do. */
const patience = { timeout: 10_000, interval: 10 };

afterEach(() => {
  vi.useRealTimers();
});

async function setUp() {
  const gateway = await startGateway();
  const { app } = createHttpServer({
    identity: { service: 'capture-gateway', instance: 'gateway-1', version: 'test', startedAt: new Date() },
    log: silentLogger,
    metrics: createMetrics({ service: 'capture-gateway', processMetrics: false }),
  });
  cameraRoutes(app, { cameras: () => gateway.cameras, records: () => gateway.records });
  frameRoutes(app, { cameras: () => gateway.cameras, maxPushBytes: 100_000 });
  const send = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path = '', body?: object) =>
    app.inject({ method, url: `/api/v1/cameras${path}`, ...(body === undefined ? {} : { body }) });
  const push = (camera: string, body: Buffer = jpeg, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: `/api/v1/cameras/${camera}/frames`,
      headers: { 'content-type': 'image/jpeg', ...headers },
      body,
    });
  return { gateway, send, push, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

async function addGate(gateway: Gateway, capabilities = ['look']): Promise<void> {
  await gateway.put('gate', { capabilities });
  await vi.waitFor(() => expect(gateway.cameras.get('gate')?.host?.status.state).toBe('streaming'), patience);
}

/** The frame that was pushed, once it was captured. */
function pushed({ offered }: Gateway) {
  return vi.waitFor(() => {
    const [frame] = offered;
    if (frame === undefined) throw new Error('not yet');
    return frame;
  }, patience);
}

describe('cameras over REST', () => {
  test('no answer shows credentials', async () => {
    await using api = await setUp();
    // Of another gateway: nothing is opened here.
    await api.gateway.take('door');
    const camera = { url: 'rtsp://user:s3cret@127.0.0.1:1/x?password=hunter22', capabilities: ['look'] };
    const answers = [
      await api.send('POST', '', { name: 'door', ...camera }),
      await api.send('PUT', '/door', camera),
      await api.send('GET', '/door'),
      await api.send('GET'),
    ];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([201, 200, 200, 200]);
    for (const { body } of answers) {
      expect(body).toContain('rtsp://***@127.0.0.1:1/x?password=***');
      expect(body).not.toMatch(/s3cret|hunter22/);
    }
    expect((await api.gateway.records.get('door'))?.value.url).toBe(camera.url);
  });

  test('POST adds and never changes, PUT does both, DELETE removes', async () => {
    await using api = await setUp();
    const camera = { url: 'push:', capabilities: ['look'] };
    expect(await api.send('POST', '', { name: 'gate', ...camera })).toMatchObject({ statusCode: 201 });
    const again = await api.send('POST', '', { name: 'gate', ...camera, capabilities: ['count'] });
    expect(again.json()).toMatchObject({ status: 409, code: 'camera_exists' });
    expect((await api.send('GET', '/gate')).json()).toMatchObject({ capabilities: ['look'] });
    expect(await api.send('PUT', '/gate', { ...camera, capabilities: ['count'] })).toMatchObject({ statusCode: 200 });
    expect((await api.send('GET', '/gate')).json()).toMatchObject({ capabilities: ['count'] });
    expect(await api.send('DELETE', '/gate')).toMatchObject({ statusCode: 204 });
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await api.send(method, '/gate')).json()).toMatchObject({ status: 404, code: 'camera_unknown' });
    }
  });
});

describe('pushed frames', () => {
  test('201 comes when every task is stored, not before, and names the frame', async () => {
    await using api = await setUp();
    await addGate(api.gateway, ['look', 'count']);
    let isAnswered = false;
    const answer = api.push('gate', jpeg, { 'frame-attributes': '{"door":"open"}' }).then((response) => {
      isAnswered = true;
      return response;
    });
    const frame = await pushed(api.gateway);
    expect(frame).toMatchObject({ width: 48, height: 32, attributes: { door: 'open' } });
    frame.onFate?.('look', { kind: 'stored' });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
    frame.onFate?.('count', { kind: 'stored' });
    const { statusCode, body } = await answer;
    expect(statusCode).toBe(201);
    expect(JSON.parse(body)).toEqual({ frame: `gate.${frame.epoch}.1`, capabilities: ['look', 'count'] });
  });

  test.each([
    [{ kind: 'shed', reason: 'lane_full' }, 'frame_shed'],
    [{ kind: 'expired', reason: 'deadline' }, 'frame_expired'],
  ] as const)('a frame of which one task was given up is refused: %j', async (fate, code) => {
    await using api = await setUp();
    await addGate(api.gateway, ['look', 'count']);
    const answer = api.push('gate');
    const frame = await pushed(api.gateway);
    frame.onFate?.('look', { kind: 'stored' });
    frame.onFate?.('count', fate);
    expect((await answer).json()).toMatchObject({ status: 503, code, detail: expect.stringContaining(fate.reason) });
  });

  test('a broker that does not answer for 10 s: the frame waits here, and must not be sent again', async () => {
    await using api = await setUp();
    await addGate(api.gateway);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const answer = api.push('gate');
    await pushed(api.gateway);
    await vi.advanceTimersByTimeAsync(10_000);
    const problem = (await answer).json();
    expect(problem).toMatchObject({ status: 503, code: 'broker_unavailable' });
    expect(problem.detail).toMatch(/do not send it again/);
  });

  test.each<[string, Buffer, Record<string, string>, number, string]>([
    ['nothing', Buffer.alloc(0), {}, 400, 'picture_empty'],
    ['text', Buffer.from('hello'), {}, 422, 'picture_invalid'],
    ['a part of a picture', jpeg.subarray(0, -20), {}, 422, 'picture_invalid'],
    ['too much', Buffer.alloc(100_001), {}, 413, 'body_too_large'],
    ['another type', jpeg, { 'content-type': 'image/png' }, 415, 'unsupported_media_type'],
    ['attributes that are no JSON', jpeg, { 'frame-attributes': 'door' }, 400, 'attributes_invalid'],
    ['attributes in depth', jpeg, { 'frame-attributes': '{"a":[1]}' }, 400, 'attributes_invalid'],
  ])('%s is refused, and nothing was taken', async (_what, body, headers, status, code) => {
    await using api = await setUp();
    await addGate(api.gateway);
    expect((await api.push('gate', body, headers)).json()).toMatchObject({ status, code });
    expect(api.gateway.offered).toEqual([]);
  });

  test('only a camera with the URL push:, captured here, takes pictures', async () => {
    await using api = await setUp();
    await api.gateway.take('elsewhere');
    await api.gateway.put('elsewhere');
    await api.gateway.put('drawn', { url: 'test-pattern:?fps=0.1' });
    const codes = [];
    for (const name of ['nobody', 'elsewhere', 'drawn']) codes.push((await api.push(name)).json().code);
    expect(codes).toEqual(['camera_unknown', 'camera_elsewhere', 'camera_not_push']);
  });
});
