/** A real camera: an RTSP server that is not ours, with H.264, seen through to a processor's results. */
import { join } from 'node:path';
import { type Result, resultSchema, subject } from '@frame-buffer/protocol';
import { makeTestFolder, makeVideo, needs, startRtspServer, until } from '@frame-buffer/testkit';
import { describe, expect, test } from 'vitest';
import { Site } from './site.ts';

const WIDTH = 640;
const HEIGHT = 360;
const FPS = 10;
/** The block moves in this part of the video only. */
const MOTION = { motionFrom: 4, motionTo: 8 };

describe('RTSP', needs('ffmpeg', 'libx264', 'gst-rtsp-server'), () => {
  test('pictures of the right size arrive, motion is found where the video moves, and a killed server comes back', async () => {
    await using folder = await makeTestFolder('rtsp');
    const file = join(folder.path, 'cam.mp4');
    await makeVideo({ path: file, width: WIDTH, height: HEIGHT, fps: FPS, seconds: 60, ...MOTION });
    await using camera = await startRtspServer({ file });
    await using site = await Site.start([
      'registry',
      'health-monitor',
      'orchestrator',
      'motion',
      'quality',
      'capture-gateway',
    ]);
    const results = await followResults(site, 'door');
    await site.addCamera('door', { url: camera.url, capabilities: ['motion', 'quality'] });

    const streaming = await until(() => site.camera('door'), {
      what: 'the camera to stream',
      is: ({ state }) => state === 'streaming',
      timeoutMs: 15_000,
    });
    expect(streaming).toMatchObject({ width: WIDTH, height: HEIGHT });
    // The first ten seconds of the video: still, moving, still.
    await until(() => motionOf(results), {
      what: 'ten seconds of results',
      is: (found) => found.length >= 10 * FPS,
      timeoutMs: 30_000,
    });
    const first = motionOf(results)[0]?.sequence ?? 0;
    const at = (from: number, to: number) =>
      motionOf(results).filter(({ sequence }) => sequence - first >= from * FPS && sequence - first < to * FPS);
    const share = (found: { motion: boolean }[]) => found.filter(({ motion }) => motion).length / found.length;
    expect(share(at(0.5, 3))).toBeLessThan(0.1);
    expect(share(at(5, 7))).toBeGreaterThan(0.9);
    expect(share(at(9, 10))).toBeLessThan(0.2);

    camera.kill('SIGKILL');
    const lost = await until(() => site.camera('door'), {
      what: 'the loss to be noticed',
      is: ({ state }) => state !== 'streaming',
    });
    expect(lost.cause).toMatchObject({ code: expect.stringMatching(/ended|connection_refused/) });
    await camera.restart();
    const back = performance.now();
    const sequence = lost.sequence ?? 0;
    await until(() => site.camera('door'), {
      what: 'new pictures',
      is: (now) => (now.sequence ?? 0) > sequence,
      timeoutMs: 10_000,
    });
    expect(performance.now() - back).toBeLessThan(10_000);

    await site.removeCamera('door');
    const { ledger } = await site.settled();
    expect(ledger).toMatchObject({ processed: ledger.captured, unaccounted: 0 });
  });
});

async function followResults(site: Site, camera: string): Promise<Result[]> {
  const nc = await site.broker.connect();
  const found: Result[] = [];
  for (const processor of ['motion', 'quality']) {
    nc.subscribe(subject.results(processor, camera), {
      callback: (_error, message) => {
        found.push(resultSchema.parse(message.json()));
      },
    });
  }
  await nc.flush();
  return found;
}

function motionOf(results: Result[]): { sequence: number; motion: boolean }[] {
  return results
    .filter(({ capability }) => capability === 'motion')
    .map(({ frame, result }) => ({
      sequence: Number(frame.split('.')[2]),
      motion: (result as { motion: boolean }).motion,
    }))
    .sort((a, b) => a.sequence - b.sequence);
}
