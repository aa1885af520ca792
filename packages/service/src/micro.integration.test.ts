import { FrameBufferError, tokenSchema } from '@frame-buffer/protocol';
import { createLogger } from '@frame-buffer/telemetry';
import { startTestBroker, type TestBroker } from '@frame-buffer/testkit';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Micro, microEndpoint, startMicro } from './micro.ts';

let broker: TestBroker;
let nc: NatsConnection;
let micro: Micro;
const lines: Record<string, unknown>[] = [];
const gate = Promise.withResolvers<void>();
const entered = Promise.withResolvers<void>();

const failures: Record<string, () => unknown> = {
  internal: () => new Error('the password is s3cret'),
  missing: () => new FrameBufferError('camera_not_found', 'no camera of that name,\nnot even nearly'),
  huge: () => undefined,
};

beforeAll(async () => {
  broker = await startTestBroker();
  nc = await broker.connect();
  micro = await startMicro(nc, {
    name: 'registry',
    version: '1.2.3',
    description: 'Knows the processors.',
    instance: 'registry-1',
    log: createLogger({ service: 'registry', write: (line) => lines.push(JSON.parse(line)) }),
    endpoints: [
      microEndpoint({
        name: 'register',
        subject: 'fb.registry.register',
        description: 'Registers a processor.',
        request: z.object({ name: tokenSchema('processor').default('anybody') }),
        handler: async ({ name }) => ({ registered: name }),
      }),
      microEndpoint({
        name: 'fail',
        subject: 'fb.registry.fail',
        description: 'Fails.',
        request: z.object({ how: z.string() }),
        handler: async ({ how }) => {
          await new Promise(setImmediate);
          const error = failures[how]?.();
          if (error !== undefined) throw error;
          return 'x'.repeat(nc.info?.max_payload ?? 0);
        },
      }),
      microEndpoint({
        name: 'slow',
        subject: 'fb.registry.slow',
        description: 'Waits.',
        handler: async () => {
          entered.resolve();
          await gate.promise;
        },
      }),
    ],
  });
});

afterAll(async () => {
  await broker.stop();
});

const request = (subject: string, body?: string | Uint8Array): Promise<Msg> =>
  nc.request(`fb.registry.${subject}`, body, { timeout: 2_000 });
const serviceError = ({ headers }: Msg) => [
  headers?.get('Nats-Service-Error-Code'),
  headers?.get('Nats-Service-Error'),
];

describe('N1 JSON in, JSON out', () => {
  test('validated, with defaults; an empty request is {}', async () => {
    expect((await request('register', '{"name":"motion"}')).json()).toEqual({ registered: 'motion' });
    expect((await request('register')).json()).toEqual({ registered: 'anybody' });
  });
});

describe('N2 every request is answered, errors as service errors with the problem as body', () => {
  test.each([
    ['faulty input', 'register', '{"name":"a.b"}', 400, 'invalid_input'],
    ['no JSON', 'register', '{"name"', 400, 'malformed_json'],
    ['no UTF-8', 'register', new Uint8Array([0x22, 0xff, 0x22]), 400, 'malformed_json'],
    ['a known code', 'fail', '{"how":"missing"}', 404, 'camera_not_found'],
    ['an unexpected error', 'fail', '{"how":"internal"}', 500, 'internal'],
    ['an answer that does not fit', 'fail', '{"how":"huge"}', 500, 'internal'],
  ])('%s', async (_name, subject, body, status, code) => {
    const answer = await request(subject, body);
    expect(serviceError(answer)).toEqual([String(status), expect.stringMatching(new RegExp(`^${code}: [^\n]+$`))]);
    expect(answer.json()).toMatchObject({ status, code, type: `urn:frame-buffer:problem:${code}` });
    expect(answer.string()).not.toContain('s3cret');
  });

  test('the cause of an unexpected error is in the log', () => {
    expect(lines).toContainEqual(expect.objectContaining({ event: 'micro.failed', endpoint: 'fail', level: 'error' }));
  });
});

describe('what nats micro shows', () => {
  test('ls and info', async () => {
    expect((await nc.request('$SRV.PING.registry')).json()).toMatchObject({
      name: 'registry',
      version: '1.2.3',
      metadata: { instance: 'registry-1' },
    });
    expect((await nc.request('$SRV.INFO.registry')).json()).toMatchObject({
      description: 'Knows the processors.',
      endpoints: [
        { name: 'register', subject: 'fb.registry.register', metadata: { description: 'Registers a processor.' } },
        { name: 'fail' },
        { name: 'slow' },
      ],
    });
  });

  test('N3 stats count asynchronous errors and time', async () => {
    const { endpoints } = (await nc.request('$SRV.STATS.registry')).json<{ endpoints: Record<string, unknown>[] }>();
    expect(endpoints[0]).toMatchObject({ name: 'register', num_requests: 5, num_errors: 3 });
    expect(endpoints[1]).toMatchObject({
      name: 'fail',
      num_requests: 3,
      num_errors: 3,
      last_error: expect.stringContaining('internal'),
    });
    expect(endpoints[1]?.['processing_time']).toBeGreaterThan(0);
  });
});

test('N4 stop - answers what is in hand, takes nothing more, ends the listing', async () => {
  const inHand = request('slow');
  await entered.promise;
  let stopped = false;
  const stopping = micro.stop().then(() => {
    stopped = true;
  });
  await nc.flush();
  await expect(request('register')).rejects.toThrow('no responders');
  expect(stopped).toBe(false);
  gate.resolve();
  expect((await inHand).json()).toEqual({});
  await stopping;
  await expect(nc.request('$SRV.PING.registry')).rejects.toThrow('no responders');
  expect(lines.map(({ event }) => event)).not.toContain('micro.ended');
});
