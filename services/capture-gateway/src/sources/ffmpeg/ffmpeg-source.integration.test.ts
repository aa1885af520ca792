/** With the real ffmpeg: the one on PATH and the one from npm, whichever are here. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openSource } from '../open-source.ts';
import { record } from '../source.fixture.ts';
import type { CameraSource, Source } from '../source.ts';
import { locateFfmpeg } from './locate.ts';

const PASSWORD = 'sEcret-99';
const builds = [
  { name: 'PATH', binary: 'ffmpeg' },
  { name: 'npm', binary: npmBinary() },
];
const folder = await mkdtemp(join(tmpdir(), 'ffmpeg-source-'));
const usable = new Map<string, boolean>();
for (const { name, binary } of builds) usable.set(name, binary !== undefined && (await locateFfmpeg(binary)).ok);

function npmBinary(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('@ffmpeg-installer/linux-x64/package.json')), 'ffmpeg');
  } catch {
    return undefined;
  }
}

afterAll(() => rm(folder, { recursive: true }));

describe.each(builds)('ffmpeg source - ffmpeg of $name', ({ name, binary = '' }) => {
  const video = join(folder, `${name}.mp4`);
  const sources: Source[] = [];
  const servers: Server[] = [];

  function open(source: CameraSource, attempt = 1) {
    const opened = openSource({ camera: 'cam-1', source, attempt, ffmpeg: binary });
    sources.push(opened);
    return { source: opened, recording: record(opened) };
  }

  async function listen(server: Server): Promise<number> {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  beforeAll(async () => {
    if (!usable.get(name)) return;
    const pattern = ['-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=20', '-t', '1', '-pix_fmt', 'yuv420p'];
    await promisify(execFile)(binary, ['-loglevel', 'error', '-y', ...pattern, '-c:v', 'mpeg4', video]);
  });

  beforeEach(({ skip }) => skip(!usable.get(name), `no ffmpeg from ${name} here`));

  afterEach(async () => {
    await Promise.all(sources.splice(0).map((source) => source.stop()));
    for (const server of servers.splice(0)) server.close();
  });

  it('delivers every picture of a file, in real time, and ends with it', async () => {
    const startedAtMs = performance.now();
    const { recording } = open({ type: 'file', path: video, loop: false });
    const cause = await recording.ended;

    expect(cause).toMatchObject({ code: 'ended', permanent: true });
    expect(recording.calls[0]).toBe('opened');
    expect(recording.pictures).toHaveLength(20);
    expect(performance.now() - startedAtMs).toBeGreaterThan(800);
    for (const picture of recording.pictures) {
      expect(picture).toMatchObject({ width: 320, height: 240, encoding: 'jpeg' });
      expect(picture.bytes.buffer.byteLength).toBe(picture.bytes.length);
    }
    const { width, height } = await sharp(recording.pictures[0]?.bytes).metadata();
    expect([width, height]).toEqual([320, 240]);
  });

  it('goes round a looped file, until stopped; no process is left', async () => {
    const { source, recording } = open({ type: 'file', path: video, loop: true });
    await recording.reached(25);
    expect(processesWith(video)).toHaveLength(1);
    await source.stop();
    const count = recording.pictures.length;
    expect(recording.calls.at(-1)).toBe('ended:stopped');
    expect(processesWith(video)).toEqual([]);
    expect(recording.pictures).toHaveLength(count);
  });

  it.each([
    ['file_missing', { type: 'file', path: join(folder, 'absent.mp4'), loop: true }],
    ['file_unreadable', { type: 'file', path: folder, loop: true }],
    ['connection_refused', { type: 'rtsp', url: `rtsp://user:${PASSWORD}@127.0.0.1:1/live` }],
    ['connection_refused', { type: 'http', url: `http://user:${PASSWORD}@127.0.0.1:1/live` }],
    ['connection_refused', { type: 'http', url: `http://user:${PASSWORD}@localhost:1/live` }],
    ['host_not_found', { type: 'rtsp', url: `rtsp://user:${PASSWORD}@no-such-host.invalid/live` }],
    ['malformed_url', { type: 'rtsp', url: `rtsp://user:${PASSWORD}@:554/live` }],
    ['malformed_url', { type: 'rtsp', url: `gopher://user:${PASSWORD}@host/live` }],
  ] as const)('%s: %o', async (code, source) => {
    const { recording } = open(source);
    const cause = await recording.ended;
    expect(cause).toMatchObject({ code });
    expect(cause.detail).not.toContain(PASSWORD);
    expect(cause.detail).not.toBe('');
    expect(recording.calls).toEqual([`ended:${code}`]);
  });

  it('invalid_data: a file that is no video', async () => {
    const path = join(folder, 'text.mp4');
    await writeFile(path, 'no video at all\n'.repeat(100));
    expect((await open({ type: 'file', path, loop: false }).recording.ended).code).toBe('invalid_data');
  });

  it.each(['rtsp', 'http'] as const)('invalid_data: a server that answers garbage over %s', async (type) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('garbage\r\n\r\n'.repeat(500)));
    });
    const port = await listen(server);
    const { recording } = open({ type, url: `${type}://user:${PASSWORD}@127.0.0.1:${port}/live` });
    const cause = await recording.ended;
    expect(cause.code).toBe('invalid_data');
    expect(cause.detail).not.toContain(PASSWORD);
  });

  it.each([
    [401, 'unauthorized'],
    [404, 'not_found'],
    [500, 'server_error'],
  ] as const)('HTTP %i is %s', async (status, code) => {
    const port = await listen(createHttpServer((_, response) => response.writeHead(status).end()));
    const { recording } = open({ type: 'http', url: `http://user:${PASSWORD}@127.0.0.1:${port}/live` });
    const cause = await recording.ended;
    expect(cause.code).toBe(code);
    expect(cause.detail).not.toContain(PASSWORD);
  });

  it('reads an MJPEG camera, by name too, and notices that its resolution changes', async () => {
    const [small, large] = await Promise.all([jpeg(160, 120), jpeg(320, 240)]);
    const hosts = new Set<string | undefined>();
    const server = createHttpServer((request, response) => {
      hosts.add(request.headers.host);
      response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=x' });
      let sent = 0;
      const timer = setInterval(() => {
        const picture = sent++ < 10 ? small : large;
        response.write(`--x\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`);
        response.write(picture);
        response.write('\r\n');
      }, 20);
      response.on('close', () => clearInterval(timer));
    });
    const port = await listen(server);
    const { recording } = open({ type: 'http', url: `http://localhost:${port}/live` });
    expect((await recording.ended).code).toBe('format_changed');
    expect(hosts).toEqual(new Set([`localhost:${port}`]));
    expect(recording.pictures.length).toBeGreaterThan(5);
    expect(new Set(recording.pictures.map(({ width }) => width))).toEqual(new Set([160]));
  });

  it('stops while it is still connecting to a silent server', async () => {
    const connected = Promise.withResolvers<void>();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      connected.resolve();
    });
    const port = await listen(server);
    const { source, recording } = open({ type: 'rtsp', url: `rtsp://127.0.0.1:${port}/live` });
    await connected.promise;
    await source.stop();
    expect(recording.calls).toEqual(['ended:stopped']);
    expect(processesWith(`127.0.0.1:${port}`)).toEqual([]);
  });
});

describe('locateFfmpeg', () => {
  it('one that was asked for and is not there is missing, even if another is', async () => {
    const source = openSource({
      camera: 'cam-1',
      source: { type: 'rtsp', url: 'rtsp://127.0.0.1:1/' },
      attempt: 1,
      ffmpeg: '/no/such/ffmpeg',
    });
    expect(await record(source).ended).toMatchObject({
      code: 'ffmpeg_missing',
      permanent: true,
      detail: expect.stringContaining('/no/such/ffmpeg'),
    });
  });

  it('a program that is no ffmpeg is not taken for one', async () => {
    expect((await locateFfmpeg('false')).ok).toBe(false);
  });

  it.skipIf(!usable.get('PATH'))('prefers PATH', async () => {
    expect(await locateFfmpeg()).toMatchObject({ ok: true, build: { origin: 'path', resolvesHosts: true } });
  });

  it.skipIf(!usable.get('npm'))('knows how the npm build differs', async () => {
    expect(await locateFfmpeg(npmBinary())).toMatchObject({
      ok: true,
      build: { dialect: { rtspTimeout: '-stimeout', passthrough: ['-vsync', '0'] }, resolvesHosts: false },
    });
  });
});

function jpeg(width: number, height: number): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#406080' } })
    .jpeg()
    .toBuffer();
}

function processesWith(text: string): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => pid !== process.pid && commandOf(pid).includes(text));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
