/** Real JPEG pictures. Guarantees: the same options give the same bytes on one machine; another seed, another picture. */

import sharp from 'sharp';

export interface MakeJpegOptions {
  /** Pixels. Default 64 × 48. */
  readonly width?: number;
  readonly height?: number;
  /** What makes the picture different from others. Default 0. */
  readonly seed?: number | string;
  /** Every pixel random: nothing to compress, for pictures of many bytes. Default false. */
  readonly noise?: boolean;
  /** 1 to 100. Default 80. */
  readonly quality?: number;
}

const CHANNELS = 3;
const CELL = 16;

/** Cells of random colours (or random pixels), as JPEG. */
export async function makeJpeg(options: MakeJpegOptions = {}): Promise<Buffer> {
  const { width = 64, height = 48, seed = 0, noise = false, quality = 80 } = options;
  const cell = noise ? 1 : CELL;
  const columns = Math.ceil(width / cell);
  const colours = randomBytes(columns * Math.ceil(height / cell) * CHANNELS, hash(String(seed)));
  const raw = Buffer.alloc(width * height * CHANNELS);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const from = (Math.floor(y / cell) * columns + Math.floor(x / cell)) * CHANNELS;
      colours.copy(raw, (y * width + x) * CHANNELS, from, from + CHANNELS);
    }
  }
  return await sharp(raw, { raw: { width, height, channels: CHANNELS } })
    .jpeg({ quality })
    .toBuffer();
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

/** mulberry32: small, and the same everywhere. */
function randomBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let index = 0; index < length; index += 1) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    bytes[index] = (mixed ^ (mixed >>> 14)) & 0xff;
  }
  return bytes;
}
