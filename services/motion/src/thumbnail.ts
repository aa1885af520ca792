/** A picture at 160 × 90, one channel: enough to see motion, small enough to keep. */
import sharp from 'sharp';

// One thread a picture: the instance works several at once. Nothing is ever decoded twice, so a cache only costs memory.
sharp.concurrency(1);
sharp.cache(false);

export const THUMBNAIL_WIDTH = 160;
export const THUMBNAIL_HEIGHT = 90;

/** The gateways' own bound: a small file may claim to be a huge picture. */
const MAX_PIXELS = 50_000_000;

/** Brightness 0 to 255, row by row; 14 400 bytes. */
export type Thumbnail = Uint8Array;

/** Rejects when the bytes are no whole picture, or one of more than 50 million pixels. */
export async function thumbnailOf(picture: Uint8Array): Promise<Thumbnail> {
  // Green is nearly brightness, and much cheaper than the weighted sum.
  return await sharp(picture, { limitInputPixels: MAX_PIXELS })
    .resize(THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT, { fit: 'fill' })
    .extractChannel(1)
    .raw()
    .toBuffer();
}
