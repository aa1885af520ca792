/** A picture reduced to 320 × 180, one channel, so that figures of cameras of any resolution can be compared. */
import sharp from 'sharp';

// One thread a picture: the instance works several at once. Nothing is ever decoded twice, so a cache only costs memory.
sharp.concurrency(1);
sharp.cache(false);

export const SAMPLE_WIDTH = 320;
export const SAMPLE_HEIGHT = 180;

/** The gateways' own bound: a small file may claim to be a huge picture. */
const MAX_PIXELS = 50_000_000;

/** Rejects when the bytes are no whole picture, or one of more than 50 million pixels. */
export async function sampleOf(picture: Uint8Array): Promise<Uint8Array> {
  // Green is nearly brightness, and much cheaper than the weighted sum.
  return await sharp(picture, { limitInputPixels: MAX_PIXELS })
    .resize(SAMPLE_WIDTH, SAMPLE_HEIGHT, { fit: 'fill' })
    .extractChannel(1)
    .raw()
    .toBuffer();
}
