import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from './parts.ts';
import { startRtspServer } from './rtsp-server.ts';
import { makeTestFolder, type TestFolder } from './test-folder.ts';
import { makeVideo } from './video.ts';

const run = promisify(execFile);

/** Number of pictures that a client decodes until the stream ends. */
async function decodedPictures(url: string): Promise<number> {
  const input = ['-loglevel', 'error', '-rtsp_transport', 'tcp', '-timeout', '5000000', '-i', url];
  const { stdout } = await run('ffmpeg', [...input, '-f', 'framecrc', '-'], { timeout: 20_000 });
  return stdout.split('\n').filter((line) => /^\d/.test(line)).length;
}

describe('startRtspServer', needs('gst-rtsp-server', 'libx264'), () => {
  let folder: TestFolder;
  let file: string;

  beforeAll(async () => {
    folder = await makeTestFolder('rtsp');
    file = join(folder.path, 'cam.mp4');
    await makeVideo({ path: file, seconds: 2 });
  });

  afterAll(() => folder.remove());

  test('a client gets the whole file, and another one too', async () => {
    await using server = await startRtspServer({ file });
    expect(server.url).toBe(`rtsp://127.0.0.1:${server.port}/cam`);
    const [one, two] = await Promise.all([decodedPictures(server.url), decodedPictures(server.url)]);
    expect([one, two]).toEqual([20, 20]);
  });

  test('killed and started again, it answers under the same URL', async () => {
    await using server = await startRtspServer({ file });
    const { url, pid } = server;
    server.kill('SIGKILL');
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await expect(decodedPictures(url)).rejects.toThrow('Connection refused');
    await server.restart();
    expect(server.url).toBe(url);
    expect(server.pid).not.toBe(pid);
    expect(await decodedPictures(url)).toBe(20);
  });

  test('a port that is taken is told at the start', async () => {
    await using server = await startRtspServer({ file });
    await expect(startRtspServer({ file, port: server.port })).rejects.toThrow(`port ${server.port} cannot be bound`);
  });
});
