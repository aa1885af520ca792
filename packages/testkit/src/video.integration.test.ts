import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { needs } from './parts.ts';
import { makeTestFolder } from './test-folder.ts';
import { makeVideo } from './video.ts';

/** Every picture of the video as one small grey plane. */
function decode(path: string, width: number, height: number): Buffer[] {
  const raw = execFileSync('ffmpeg', ['-loglevel', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'gray', '-'], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const size = width * height;
  return Array.from({ length: raw.length / size }, (_, index) => raw.subarray(index * size, (index + 1) * size));
}

/** Share of pixels that differ clearly. */
function difference(one: Buffer, two: Buffer): number {
  return one.filter((value, index) => Math.abs(value - (two[index] ?? 0)) > 25).length / one.length;
}

test('makeVideo - moves between motionFrom and motionTo, and is still otherwise', needs('libx264'), async () => {
  await using folder = await makeTestFolder();
  const path = join(folder.path, 'cam.mp4');
  await makeVideo({ path, width: 320, height: 240, fps: 10, seconds: 6, motionFrom: 2, motionTo: 4 });
  const pictures = decode(path, 320, 240);
  expect(pictures).toHaveLength(60);

  const changes = pictures.slice(1).map((picture, index) => difference(picture, pictures[index] ?? picture));
  const [before, during, after] = [changes.slice(0, 19), changes.slice(21, 38), changes.slice(41)];
  expect(Math.max(...before, ...after)).toBeLessThan(0.001);
  expect(Math.min(...during)).toBeGreaterThan(0.005);
});

test('makeVideo - a size that H.264 cannot have is an error in ffmpeg’s words', needs('libx264'), async () => {
  await using folder = await makeTestFolder();
  const making = makeVideo({ path: join(folder.path, 'cam.mp4'), width: 321 });
  await expect(making).rejects.toThrow(/ffmpeg could not make .*width not divisible by 2/s);
});
