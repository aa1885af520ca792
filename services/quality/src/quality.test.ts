import { makeJpeg } from '@frame-buffer/testkit';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { qualityOf } from './quality.ts';
import { SAMPLE_HEIGHT, SAMPLE_WIDTH, sampleOf } from './sample.ts';

const quality = async (picture: Uint8Array) => qualityOf(await sampleOf(picture), SAMPLE_WIDTH, SAMPLE_HEIGHT);

test('a flat picture has no edges', () => {
  expect(qualityOf(new Uint8Array(100).fill(77), 10, 10)).toEqual({
    sharpness: 0,
    brightness: 77,
    dark: false,
    blurred: true,
  });
});

test('the variance of the Laplacian, worked out by hand', () => {
  // Of 4 × 3 pixels two have four neighbours; one of them is 10, so their Laplacians are −40 and +10.
  const pixels = Uint8Array.from([0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0]);
  expect(qualityOf(pixels, 4, 3).sharpness).toBe(625);
});

test('pictures too small to have an inside are blurred, not broken', () => {
  expect(qualityOf(Uint8Array.from([255]), 1, 1)).toMatchObject({ sharpness: 0, brightness: 255 });
  expect(qualityOf(new Uint8Array(), 0, 0)).toMatchObject({ sharpness: 0, brightness: 0, dark: true });
});

test('real pictures: the same scene in focus and out of focus, by day and by night', async () => {
  const scene = await makeJpeg({ width: 640, height: 360, seed: 'a street' });
  const outOfFocus = await sharp(scene).blur(12).jpeg().toBuffer();
  const night = await sharp(scene).linear(0.1, 0).jpeg().toBuffer();
  const [day, blurred, dark] = await Promise.all([quality(scene), quality(outOfFocus), quality(night)]);
  expect(day).toMatchObject({ dark: false, blurred: false });
  expect(blurred).toMatchObject({ dark: false, blurred: true });
  expect(dark.dark).toBe(true);
  expect(blurred.sharpness).toBeLessThan(day.sharpness / 5);
  expect(Math.abs(blurred.brightness - day.brightness)).toBeLessThan(3);
});

test('what is no whole picture is refused', async () => {
  const jpeg = await makeJpeg();
  await expect(sampleOf(jpeg.subarray(0, jpeg.length >> 1))).rejects.toThrow();
  await expect(sampleOf(Buffer.from('garbage'))).rejects.toThrow();
});
