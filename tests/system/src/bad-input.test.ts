/** What comes in wrong gets a clear answer at the edge, and everything else goes on. */
import { createServer } from 'node:net';
import { BUCKET, encodeBatch, STREAM, subject } from '@frame-buffer/protocol';
import { makeJpeg, needs, until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Site } from './site.ts';

let site: Site;
let jpeg: Buffer;

beforeAll(async () => {
  site = await Site.start(['registry', 'health-monitor', 'orchestrator', 'quality', 'capture-gateway']);
  await site.addCamera('pushed', { url: 'push:', capabilities: ['quality'] });
  await until(() => site.camera('pushed'), { what: 'the camera', is: ({ state }) => state === 'streaming' });
  jpeg = Buffer.from(await makeJpeg({ width: 320, height: 240 }));
});

afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

async function send(
  method: string,
  service: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; problem: Problem }> {
  const answer = await fetch(site.url(service, path), {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) expect(answer.headers.get('content-type')).toContain('application/problem+json');
  return { status: answer.status, problem: JSON.parse(text || '{}') };
}

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: { readonly message: string }[];
}

const textOf = (problem: Problem) => JSON.stringify(problem);

async function stillWorks(): Promise<void> {
  const before = (await site.ledger()).ledger.processed;
  expect((await site.push('pushed', jpeg)).status).toBe(201);
  await until(() => site.ledger(), {
    what: 'the next frame to be processed',
    is: ({ ledger }) => ledger.processed > before,
  });
}

describe('bad input - cameras', () => {
  const malformed = [
    'not a url',
    'ftp://host/x',
    'rtsp://',
    'rtsp://user:s3cret@ho st/',
    '',
    'test-pattern:?fps=0',
    'file:///',
  ];
  test.each(malformed)('the URL %j is refused, with what is allowed', async (url) => {
    const { status, problem } = await send('PUT', 'capture-gateway', '/api/v1/cameras/door', {
      url,
      capabilities: ['quality'],
    });
    expect(status).toBe(400);
    expect(textOf(problem)).toContain('rtsp://');
    expect(textOf(problem)).not.toContain('s3cret');
  });

  const names = ['a.b', 'a b', 'a*', 'a>b', 'x'.repeat(300), '-a', 'Ä'];
  test.each(names)('the name %j is refused, with what is allowed', async (name) => {
    const camera = { name, url: 'push:', capabilities: ['quality'] };
    const { status, problem } = await send('POST', 'capture-gateway', '/api/v1/cameras', camera);
    expect(status).toBe(400);
    expect(textOf(problem)).toContain('a-z, 0-9');
    const put = await send('PUT', 'capture-gateway', `/api/v1/cameras/${encodeURIComponent(name)}`, {
      url: 'push:',
      capabilities: ['quality'],
    });
    expect(put.status).toBe(400);
  });

  test('a camera without capabilities is refused', async () => {
    const { status, problem } = await send('PUT', 'capture-gateway', '/api/v1/cameras/door', {
      url: 'push:',
      capabilities: [],
    });
    expect(status).toBe(400);
    expect(textOf(problem)).toContain('capabilit');
  });

  test('unreachable and garbage cameras say why in their state, without the password', needs('ffmpeg'), async () => {
    const garbage = createServer((socket) => socket.on('error', () => {}).end('this is no RTSP\r\n\r\n'));
    await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
    const { port } = garbage.address() as { port: number };
    await site.addCamera('unreachable', { url: 'rtsp://user:s3cret@127.0.0.1:1/x', capabilities: ['quality'] });
    await site.addCamera('garbage', { url: `rtsp://user:s3cret@127.0.0.1:${port}/x`, capabilities: ['quality'] });
    const cause = (name: string, code: string) =>
      until(() => site.camera(name), {
        what: `${name} to say why`,
        is: (camera) => camera.cause?.code === code,
        timeoutMs: 20_000,
      });
    expect(await cause('unreachable', 'connection_refused')).toMatchObject({
      state: expect.stringMatching(/backingOff|connecting/),
    });
    expect(await cause('garbage', 'invalid_data')).toMatchObject({
      state: expect.stringMatching(/backingOff|connecting/),
    });
    const told = JSON.stringify([
      await site.camera('unreachable'),
      await site.camera('garbage'),
      site.process('capture-gateway').logs,
    ]);
    expect(told).not.toContain('s3cret');
    await stillWorks();
    for (const name of ['unreachable', 'garbage']) await site.removeCamera(name);
    garbage.close();
  });
});

describe('bad input - pushed pictures', () => {
  const push = async (body: Buffer, type = 'image/jpeg') => {
    const answer = await fetch(site.url('capture-gateway', '/api/v1/cameras/pushed/frames'), {
      method: 'POST',
      headers: { 'content-type': type },
      body: new Uint8Array(body),
    });
    return { status: answer.status, problem: (await answer.json()) as Problem };
  };

  test('empty, no image, truncated, of another type, too large, to an unknown camera', async () => {
    expect(await push(Buffer.alloc(0))).toMatchObject({ status: 400, problem: { code: 'picture_empty' } });
    expect(await push(Buffer.from('hello'))).toMatchObject({ status: 422, problem: { code: 'picture_invalid' } });
    expect(await push(jpeg.subarray(0, jpeg.length - 200))).toMatchObject({ status: 422 });
    expect(await push(jpeg, 'image/png')).toMatchObject({ status: 415 });
    const large = await push(Buffer.alloc(9 * 1024 * 1024));
    expect(large.status).toBe(413);
    expect(large.problem.detail).toMatch(/\d/);
    expect((await site.push('nobody', jpeg)).status).toBe(404);
    await stillWorks();
  });
});

describe('bad input - processors', () => {
  test('a registration without capabilities, or under an impossible name, is refused and stores nothing', async () => {
    for (const body of [
      { name: 'eyes' },
      { name: 'eyes', capabilities: [] },
      { name: 'e.y', capabilities: ['quality'] },
      { name: 'x'.repeat(300), capabilities: ['quality'] },
    ]) {
      const { status, problem } = await send('POST', 'registry', '/api/v1/processors', body);
      expect(status).toBe(400);
      expect(problem.errors?.length).toBeGreaterThan(0);
    }
    const { status } = await send('GET', 'registry', '/api/v1/processors/eyes');
    expect(status).toBe(404);
  });
});

describe('bad input - messages', () => {
  test('undecodable messages in FRAMES and WORK become dead letters; those of a newer version wait; nothing stops', async () => {
    const nc = await site.broker.connect();
    const jsm = await jetstreamManager(nc);
    const newer = Buffer.from(encodeBatch({ capability: 'quality' }, [item()]));
    newer[2] = 9;
    await nc.request(subject.frames('quality', 'normal'), 'garbage for the orchestrator');
    await nc.request(subject.work('quality', 'normal'), 'garbage for the processor');
    await nc.request(subject.frames('quality', 'normal'), newer);
    await until(async () => (await jsm.streams.info(STREAM.deadLetters)).state.messages, {
      what: 'two dead letters',
      is: (count) => count === 2,
    });
    await site
      .process('orchestrator')
      .waitForLog((line) => line['reason'] === 'unsupported_version', { what: 'the alarm' });
    await stillWorks();
    expect((await jsm.streams.info(STREAM.frames)).state.messages).toBe(1);
    await jsm.streams.purge(STREAM.frames);
  });

  test('damaged records in KV are passed over', async () => {
    const nc = await site.broker.connect();
    for (const bucket of [BUCKET.cameras, BUCKET.processors, BUCKET.instances])
      nc.publish(`$KV.${bucket}.broken`, '{"this":"is no record"');
    await nc.flush();
    await stillWorks();
  });
});

function item() {
  return {
    ageMs: 0,
    frame: {
      camera: 'pushed',
      epoch: 1,
      sequence: 1,
      capturedAtMs: Date.now(),
      width: 1,
      height: 1,
      encoding: 'jpeg' as const,
      byteSize: 1,
      pixelSequence: 1,
      capabilities: ['quality'],
      priority: 5,
      maxAgeMs: 0,
    },
  };
}
