import sharp from 'sharp';
import { expect, test } from 'vitest';
import { makeJpeg } from './jpeg.ts';

test('makeJpeg - a decodable picture of the size that was asked for', async () => {
  const { info } = await sharp(await makeJpeg({ width: 321, height: 77 }))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 321, height: 77, channels: 3 });
});

test('makeJpeg - the seed decides the picture', async () => {
  const [first, again, other] = await Promise.all(['a', 'a', 'b'].map((seed) => makeJpeg({ seed })));
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

test('makeJpeg - noise gives many bytes', async () => {
  const size = { width: 320, height: 240 };
  const [noisy, plain] = await Promise.all([makeJpeg({ ...size, noise: true }), makeJpeg(size)]);
  expect(noisy.byteLength).toBeGreaterThan(5 * plain.byteLength);
});
