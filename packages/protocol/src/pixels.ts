/**
 * Pictures on their way into and out of PIXELS. Raw ones may be compressed by LZ4 (block format); a JPEG never is: it does
 * not shrink. The size of a raw picture follows from its shape, so that nothing has to be guessed when reading.
 */
import { compressSync, uncompressSync } from 'lz4-napi';
import { FrameBufferError, InvalidInputError } from './errors.ts';
import { type Encoding, MAX_PICTURE_PIXELS } from './frame.ts';

export type Compression = 'none' | 'lz4';

const RAW_BYTES_PER_PIXEL: Partial<Record<Encoding, number>> = { rgb24: 3, gray8: 1 };

/** One byte of a block stands for 255 of the picture at most. Source: LZ4 block format, lengths of matches. */
const LZ4_MAX_RATIO = 255;

export interface PictureShape {
  readonly width: number;
  readonly height: number;
  readonly encoding: Encoding;
}

/** Bytes of a raw picture of this shape; undefined for compressed encodings. */
export function rawBytes({ width, height, encoding }: PictureShape): number | undefined {
  const perPixel = RAW_BYTES_PER_PIXEL[encoding];
  return perPixel === undefined ? undefined : width * height * perPixel;
}

/** Throws `invalid_picture` when a raw picture is too large or does not fit its shape, or when a JPEG is to be compressed. */
export function packPixels(bytes: Uint8Array, shape: PictureShape, compression: Compression): Uint8Array {
  const expected = rawBytes(shape);
  if (expected !== undefined && bytes.length !== expected) {
    throw new InvalidInputError(
      'picture',
      `${shape.width}×${shape.height} ${shape.encoding} takes ${expected} bytes, not ${bytes.length}`,
    );
  }
  if (expected !== undefined && shape.width * shape.height > MAX_PICTURE_PIXELS)
    throw new InvalidInputError('picture', `pictures of more than ${MAX_PICTURE_PIXELS} pixels are refused`);
  if (compression === 'none') return bytes;
  if (expected === undefined)
    throw new InvalidInputError('picture', `${shape.encoding} pictures are never compressed again`);
  return compressSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
}

/**
 * Throws `pixels_damaged` when the bytes are not, or do not unpack to, the picture's size. Compressed encodings are passed
 * on as they are: their decoder judges them.
 */
export function unpackPixels(bytes: Uint8Array, shape: PictureShape, compression: Compression): Uint8Array {
  const expected = rawBytes(shape);
  if (compression === 'none') {
    if (expected === undefined || bytes.length === expected) return bytes;
    throw damaged(`${expected} bytes`);
  }
  if (expected === undefined) throw damaged('a known number of bytes');
  // The shape comes over the wire too: neither it nor the bytes may ask for more memory than a picture can be worth.
  if (shape.width * shape.height > MAX_PICTURE_PIXELS || expected > bytes.length * LZ4_MAX_RATIO)
    throw damaged(`${expected} bytes`);
  try {
    // lz4-napi writes the size in front (u32): check it before anything of that size is allocated.
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.readUInt32LE(0) === expected) {
      const raw = uncompressSync(view);
      if (raw.length === expected) return raw;
    }
  } catch (error) {
    throw new FrameBufferError('pixels_damaged', 'the stored picture cannot be decompressed', { cause: error });
  }
  throw damaged(`${expected} bytes`);
}

function damaged(expected: string): FrameBufferError {
  return new FrameBufferError('pixels_damaged', `the stored picture does not unpack to ${expected}`);
}
