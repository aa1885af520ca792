import { FrameBufferError, tokenSchema } from '@frame-buffer/protocol';
import { createLogger, createMetrics } from '@frame-buffer/telemetry';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { failingChecks, type ReadinessCheck } from './health.ts';
import { createHttpServer } from './http.ts';
import { bytesRoute, jsonRoute } from './json-route.ts';
import { ProblemError } from './problem.ts';

const cameraBody = z.strictObject({ name: tokenSchema('camera'), size: z.object({ width: z.int().min(1) }) });

function server(checks: readonly ReadinessCheck[] = []) {
  const lines: Record<string, unknown>[] = [];
  const http = createHttpServer({
    identity: { service: 'sample', instance: 'sample-1', version: '1.2.3', startedAt: new Date(Date.now() - 5_000) },
    log: createLogger({ service: 'sample', level: 'debug', write: (line) => lines.push(JSON.parse(line)) }),
    metrics: createMetrics({ service: 'sample', processMetrics: false }),
    checks,
    statusOf: (code) => (code === 'camera_busy' ? 409 : undefined),
  });
  const { app } = http;
  const failures: Record<string, () => unknown> = {
    told: () => new ProblemError(422, 'too_dark', 'nothing to see', { extensions: { luma: 3 } }),
    busy: () => new FrameBufferError('camera_busy', 'rtsp://u:s3cret@cam is in use'),
    missing: () => new FrameBufferError('camera_not_found', 'no such camera'),
    internal: () => Object.assign(new Error('password is s3cret'), { code: 'EWHAT' }),
    unknown: () => new FrameBufferError('never_mapped', 'inner workings'),
  };
  jsonRoute(app, {
    method: 'POST',
    url: '/cameras/:camera',
    summary: 'Adds a camera.',
    params: z.object({ camera: tokenSchema('camera') }),
    query: z.object({ limit: z.coerce.number().int().max(10).default(5) }),
    body: cameraBody,
    maxBytes: 200,
    status: 201,
    handler: ({ params, query, body, requestId }) => ({ ...params, ...query, width: body.size.width, requestId }),
  });
  jsonRoute(app, { method: 'DELETE', url: '/cameras/:camera', summary: 'Removes it.', handler: () => undefined });
  jsonRoute(app, { method: 'GET', url: '/text', summary: 'A text is JSON too.', handler: () => 'plain' });
  jsonRoute(app, {
    method: 'GET',
    url: '/fail/:how',
    summary: 'Fails.',
    params: z.object({ how: z.string() }),
    handler: ({ params }) => {
      throw failures[params.how]?.();
    },
  });
  bytesRoute(app, {
    method: 'POST',
    url: '/frames',
    summary: 'Takes a picture.',
    contentTypes: ['image/jpeg'],
    maxBytes: 32,
    handler: ({ bytes }) => ({ size: bytes.length }),
  });
  return { http, app, lines };
}

const good = { name: 'cam1', size: { width: 640 } };

describe('a validated route', () => {
  test('hands over what its schemas promise', async () => {
    const response = await server().app.inject({ method: 'POST', url: '/cameras/cam1', body: good });
    expect(response.statusCode).toBe(201);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(response.json()).toMatchObject({ camera: 'cam1', limit: 5, width: 640 });
  });

  test('V1 every fault of every part is reported with its place', async () => {
    const body = { name: 'a.b', size: { width: 0 }, colour: 'red' };
    const response = await server().app.inject({ method: 'POST', url: `/cameras/${'x'.repeat(300)}?limit=11`, body });
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    const problem = response.json();
    expect(problem).toMatchObject({
      type: 'urn:frame-buffer:problem:invalid_input',
      code: 'invalid_input',
      status: 400,
      title: 'Bad Request',
    });
    expect(problem.errors.map(({ path }: { path: string }) => path)).toEqual([
      'params.camera',
      'query.limit',
      'body.name',
      'body.size.width',
      'body',
    ]);
    expect(problem.detail).toContain('5 faults');
  });

  test('V2 undefined is 204, a text is JSON', async () => {
    const { app } = server();
    const gone = await app.inject({ method: 'DELETE', url: '/cameras/cam1' });
    expect([gone.statusCode, gone.body]).toEqual([204, '']);
    expect((await app.inject('/text')).json()).toBe('plain');
  });

  test('V3 bytes: the named types, up to the bound, and only on this route', async () => {
    const { app } = server();
    const post = (url: string, type: string, size: number) =>
      app.inject({ method: 'POST', url, headers: { 'content-type': type }, body: Buffer.alloc(size) });
    expect((await post('/frames', 'image/jpeg', 32)).json()).toEqual({ size: 32 });
    expect((await post('/frames', 'image/jpeg', 33)).json()).toMatchObject({
      status: 413,
      code: 'body_too_large',
      detail: expect.stringContaining('32 bytes'),
    });
    expect((await post('/frames', 'image/png', 8)).json()).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    });
    expect((await post('/frames', 'application/json', 8)).json()).toMatchObject({ status: 415 });
    expect((await post('/cameras/cam1', 'image/jpeg', 8)).json()).toMatchObject({ status: 415 });
    expect((await app.inject({ method: 'POST', url: '/frames' })).json()).toEqual({ size: 0 });
  });
});

describe('T1 every error is a problem document', () => {
  const json = { 'content-type': 'application/json' };
  test.each([
    ['no route', { method: 'GET', url: '/nowhere?q=1' }, 404, 'route_not_found'],
    [
      'no route, with a body',
      { method: 'POST', url: '/nowhere', headers: { 'content-type': 'image/png' }, body: 'x' },
      404,
      'route_not_found',
    ],
    ['wrong method', { method: 'PUT', url: '/text' }, 404, 'route_not_found'],
    ['broken percent encoding', { method: 'GET', url: '/fail/%zz' }, 400, 'malformed_url'],
    ['malformed JSON', { method: 'POST', url: '/cameras/c', headers: json, body: '{"a":' }, 400, 'malformed_json'],
    ['empty JSON', { method: 'POST', url: '/cameras/c', headers: json, body: '' }, 400, 'malformed_json'],
    [
      'poisoned JSON',
      { method: 'POST', url: '/cameras/c', headers: json, body: '{"__proto__":{}}' },
      400,
      'malformed_json',
    ],
    ['no body', { method: 'POST', url: '/cameras/c' }, 400, 'invalid_input'],
    [
      'too large',
      { method: 'POST', url: '/cameras/c', headers: json, body: `"${'x'.repeat(300)}"` },
      413,
      'body_too_large',
    ],
    [
      'wrong type',
      { method: 'POST', url: '/cameras/c', headers: { 'content-type': 'text/xml' }, body: '<a/>' },
      415,
      'unsupported_media_type',
    ],
    ['a ProblemError', { method: 'GET', url: '/fail/told' }, 422, 'too_dark'],
    ['a code that the service maps', { method: 'GET', url: '/fail/busy' }, 409, 'camera_busy'],
    ['a code by convention', { method: 'GET', url: '/fail/missing' }, 404, 'camera_not_found'],
    ['an unexpected error', { method: 'GET', url: '/fail/internal' }, 500, 'internal'],
    ['a code that nobody mapped', { method: 'GET', url: '/fail/unknown' }, 500, 'internal'],
  ] as const)('%s', async (_name, request, status, code) => {
    const response = await server().app.inject({ ...request });
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(response.json()).toMatchObject({
      type: `urn:frame-buffer:problem:${code}`,
      status,
      code,
      title: expect.any(String),
      detail: expect.any(String),
      requestId: response.headers['x-request-id'],
    });
    expect(response.body).not.toContain('s3cret');
  });

  test('extensions of a problem are told, causes of an internal error are logged only', async () => {
    const { app, lines } = server();
    expect((await app.inject('/fail/told')).json()).toMatchObject({ luma: 3 });
    const response = await app.inject('/fail/internal');
    expect(lines.find(({ level }) => level === 'error')).toMatchObject({
      event: 'http.failed',
      request_id: response.headers['x-request-id'],
      error: { code: 'EWHAT' },
    });
  });
});

test.each([
  ['trace-42.a_b', true],
  ['x'.repeat(64), true],
  ['x'.repeat(65), false],
  ['spaced out', false],
  ['<script>', false],
])('T2 the request id %s is taken over: %s', async (given, taken) => {
  const response = await server().app.inject({ url: '/health', headers: { 'x-request-id': given } });
  expect(response.headers['x-request-id'] === given).toBe(taken);
  expect(response.headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
});

describe('health', () => {
  test('H1 alive, whatever the checks say', async () => {
    const response = await server([{ name: 'broker', check: () => 'no connection' }]).app.inject('/health');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      status: 'ok',
      service: 'sample',
      instance: 'sample-1',
      version: '1.2.3',
      uptimeSeconds: 5,
    });
  });

  test('H2 not ready names the failing checks, ready names none', async () => {
    const checks: ReadinessCheck[] = [
      { name: 'broker', check: () => 'no connection' },
      { name: 'streams', check: async () => true },
      {
        name: 'store',
        check: () => {
          throw new Error('disk is gone');
        },
      },
    ];
    const response = await server(checks).app.inject('/ready');
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({
      code: 'not_ready',
      failing: [
        { name: 'broker', reason: 'no connection' },
        { name: 'store', reason: 'disk is gone' },
      ],
    });
    expect((await server().app.inject('/ready')).json()).toEqual({ status: 'ready', checks: ['running'] });
  });

  test('H3 a check that hangs fails within its bound', async () => {
    const hanging: ReadinessCheck = { name: 'broker', check: () => new Promise(() => {}) };
    expect(await failingChecks([hanging], 10)).toEqual([{ name: 'broker', reason: 'no answer within 10 ms' }]);
  });

  test('T5 readiness fails while draining, health does not', async () => {
    const { http, app } = server();
    http.drain();
    expect((await app.inject('/ready')).json()).toMatchObject({
      failing: [{ name: 'running', reason: 'the service is stopping' }],
    });
    expect((await app.inject('/health')).statusCode).toBe(200);
  });
});

test('metrics count by route pattern, unknown paths share one series', async () => {
  const { app } = server();
  for (const url of ['/fail/told', '/fail/busy', '/made-up-1', '/made-up-2']) await app.inject(url);
  const { body, headers } = await app.inject('/metrics');
  expect(headers['content-type']).toContain('text/plain');
  expect(body).toMatch(/duration_seconds_count\{.*route="\/fail\/:how",status="422".*\} 1/);
  expect(body).toMatch(/duration_seconds_count\{.*route="none",status="404".*\} 2/);
  expect(body).not.toContain('made-up');
});
