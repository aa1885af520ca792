import { makeJpeg } from '@frame-buffer/testkit';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { MotionDetector, type SeenFrame } from './motion.ts';
import { thumbnailOf } from './thumbnail.ts';

const flat = (value: number) => new Uint8Array(160 * 90).fill(value);
const frame = (sequence: number, more: Partial<SeenFrame> = {}): SeenFrame => ({
  camera: 'cam1',
  epoch: 1,
  sequence,
  width: 640,
  height: 360,
  ...more,
});

test('the first picture of a camera is no motion, and is compared with nothing', () => {
  const detector = new MotionDetector();
  expect(detector.see(frame(1), flat(0))).toEqual({ motion: false, score: 0 });
  expect(detector.see(frame(1, { camera: 'cam2' }), flat(255))).toEqual({ motion: false, score: 0 });
});

test('M1 a frame is compared with an older one, whatever came in between', () => {
  const detector = new MotionDetector();
  detector.see(frame(1), flat(10));
  expect(detector.see(frame(3), flat(200))).toMatchObject({ motion: true, comparedWith: 1 });
  // Late: not compared with 3, which is newer.
  expect(detector.see(frame(2), flat(10))).toMatchObject({ motion: false, comparedWith: 1 });
  expect(detector.see(frame(4), flat(200))).toMatchObject({ motion: false, comparedWith: 3 });
});

test('M1 another epoch is another beginning; its stragglers are compared with nothing', () => {
  const detector = new MotionDetector();
  detector.see(frame(9), flat(10));
  expect(detector.see(frame(10, { epoch: 2 }), flat(200))).toEqual({ motion: false, score: 0 });
  expect(detector.see(frame(11), flat(200))).toEqual({ motion: false, score: 0 });
  expect(detector.see(frame(11, { epoch: 2 }), flat(200))).toMatchObject({ motion: false, comparedWith: 10 });
});

test('a frame that is worked again gives the same answer', () => {
  const detector = new MotionDetector();
  detector.see(frame(1), flat(10));
  const first = detector.see(frame(2), flat(200));
  expect(detector.see(frame(2), flat(200))).toEqual(first);
});

test('M3 the oldest pictures and the most silent cameras are forgotten', () => {
  const detector = new MotionDetector();
  for (let sequence = 1; sequence <= 9; sequence++) detector.see(frame(sequence), flat(10));
  expect(detector.see(frame(2), flat(10))).toEqual({ motion: false, score: 0 });
  for (let i = 0; i < 300; i++) detector.see(frame(1, { camera: `camera-${i}` }), flat(10));
  expect(detector.cameras).toBe(256);
  expect(detector.see(frame(10), flat(10))).toEqual({ motion: false, score: 0 });
});

test('real pictures: a square that moves is found where it is', async () => {
  const scene = (left: number) =>
    sharp({ create: { width: 1280, height: 720, channels: 3, background: '#404040' } })
      .composite([
        { input: { create: { width: 160, height: 160, channels: 3, background: '#e0e0e0' } }, left, top: 200 },
      ])
      .jpeg({ quality: 80 })
      .toBuffer();
  const detector = new MotionDetector();
  const size = { width: 1280, height: 720 };
  detector.see(frame(1, size), await thumbnailOf(await scene(400)));
  const still = detector.see(frame(2, size), await thumbnailOf(await scene(400)));
  expect(still).toEqual({ motion: false, score: 0, comparedWith: 1 });
  const { motion, box } = detector.see(frame(3, size), await thumbnailOf(await scene(480)));
  expect(motion).toBe(true);
  // From the old place to the new one: 400 to 640, within a thumbnail's pixel of 8.
  expect(Math.abs((box?.x ?? 0) - 400)).toBeLessThanOrEqual(8);
  expect(Math.abs((box?.y ?? 0) - 200)).toBeLessThanOrEqual(8);
  expect(Math.abs((box?.width ?? 0) - 240)).toBeLessThanOrEqual(16);
  expect(Math.abs((box?.height ?? 0) - 160)).toBeLessThanOrEqual(16);
});

test('grey pictures are read like coloured ones; what is no whole picture is refused', async () => {
  const jpeg = await makeJpeg({ width: 320, height: 240 });
  const grey = await sharp(jpeg).greyscale().toColourspace('b-w').jpeg().toBuffer();
  expect(await thumbnailOf(jpeg)).toHaveLength(14_400);
  expect(await thumbnailOf(grey)).toHaveLength(14_400);
  await expect(thumbnailOf(jpeg.subarray(0, jpeg.length >> 1))).rejects.toThrow();
  await expect(thumbnailOf(Buffer.from('garbage'))).rejects.toThrow();
});
