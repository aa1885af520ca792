import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { damage } from '../tests/arbitraries.ts';
import { FrameBufferError } from './errors.ts';
import { MAX_PICTURE_PIXELS } from './frame.ts';
import { type PictureShape, packPixels, rawBytes, unpackPixels } from './pixels.ts';

const gray: PictureShape = { width: 64, height: 32, encoding: 'gray8' };
const rgb: PictureShape = { width: 40, height: 30, encoding: 'rgb24' };
const jpeg: PictureShape = { width: 1280, height: 720, encoding: 'jpeg' };
const damagedError = expect.objectContaining({ code: 'pixels_damaged', retryable: false });

function lz4(claimed: number, rest: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(claimed);
  return Buffer.concat([head, rest]);
}

describe('pixels', () => {
  it('raw pictures come back as they were, compressed or not', () => {
    const picture = fc
      .record({
        width: fc.integer({ min: 1, max: 40 }),
        height: fc.integer({ min: 1, max: 40 }),
        encoding: fc.constantFrom('rgb24' as const, 'gray8' as const),
      })
      .chain((shape) =>
        fc.tuple(
          fc.constant(shape),
          fc.uint8Array({ minLength: rawBytes(shape) ?? 0, maxLength: rawBytes(shape) ?? 0 }),
        ),
      );
    fc.assert(
      fc.property(picture, fc.constantFrom('none' as const, 'lz4' as const), ([shape, bytes], compression) => {
        const back = unpackPixels(packPixels(bytes, shape, compression), shape, compression);
        expect(Buffer.from(back).equals(bytes)).toBe(true);
      }),
    );
  });

  it('LZ4 makes an even picture small, and is the standard block format behind a u32 size', () => {
    const packed = Buffer.from(packPixels(new Uint8Array(64 * 32), gray, 'lz4'));
    expect(packed.length).toBeLessThan(64);
    expect(packed.readUInt32LE(0)).toBe(64 * 32);
    // A literal-only block, written by hand: token 0x10 is one literal.
    expect(
      Buffer.from(unpackPixels(lz4(1, Buffer.from([0x10, 7])), { width: 1, height: 1, encoding: 'gray8' }, 'lz4')),
    ).toEqual(Buffer.from([7]));
  });

  it('a JPEG passes as it is, and is never compressed again', () => {
    const bytes = Buffer.from([0xff, 0xd8, 0xff, 0xd9]);
    expect(packPixels(bytes, jpeg, 'none')).toBe(bytes);
    expect(unpackPixels(bytes, jpeg, 'none')).toBe(bytes);
    for (const encoding of ['jpeg', 'png', 'none'] as const) {
      expect(() => packPixels(bytes, { ...jpeg, encoding }, 'lz4')).toThrow(
        expect.objectContaining({ code: 'invalid_picture' }),
      );
      expect(() => unpackPixels(bytes, { ...jpeg, encoding }, 'lz4')).toThrow(damagedError);
    }
  });

  it('a raw picture of the wrong size is refused on the way in and on the way out', () => {
    for (const length of [0, 64 * 32 - 1, 64 * 32 + 1]) {
      const bytes = new Uint8Array(length);
      for (const compression of ['none', 'lz4'] as const) {
        expect(() => packPixels(bytes, gray, compression)).toThrow(
          expect.objectContaining({ code: 'invalid_picture', message: `64×32 gray8 takes 2048 bytes, not ${length}` }),
        );
      }
      expect(() => unpackPixels(bytes, gray, 'none')).toThrow(damagedError);
    }
    const other = packPixels(new Uint8Array(3600), rgb, 'lz4');
    expect(() => unpackPixels(other, gray, 'lz4')).toThrow(damagedError);
  });

  it.each<[string, PictureShape, Uint8Array]>([
    ['nothing', gray, Buffer.alloc(0)],
    ['three bytes', gray, Buffer.alloc(3)],
    ['a size and no block', gray, lz4(2048)],
    ['a size of 4 GB', gray, lz4(0xffff_ffff, Buffer.alloc(50))],
    [
      'a size of 4 GB, and a shape to match',
      { width: 65_535, height: 65_535, encoding: 'gray8' },
      lz4(65_535 * 65_535, Buffer.alloc(50)),
    ],
    [
      'the largest picture from 54 bytes',
      { width: 10_000, height: 5_000, encoding: 'rgb24' },
      lz4(3 * MAX_PICTURE_PIXELS, Buffer.alloc(50)),
    ],
    ['a match that reaches before the block', gray, lz4(2048, Buffer.from([0x0f, 0xff, 0xff, 0xff, 0xff, 0]))],
    ['literals that are not there', gray, lz4(2048, Buffer.from([0xf0, 0xff, 0xff, 0xff, 0xff, 0, 1, 2, 3, 4, 5, 6]))],
    ['a width that is no number', { ...gray, width: Number.NaN }, lz4(2048, Buffer.alloc(50))],
    ['a negative width', { ...gray, width: -64 }, lz4(2048, Buffer.alloc(50))],
  ])('hostile: %s', (_, shape, bytes) => {
    const before = process.memoryUsage();
    expect(() => unpackPixels(bytes, shape, 'lz4')).toThrow(damagedError);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(4 * 1024 * 1024);
    expect(after.rss - before.rss).toBeLessThan(64 * 1024 * 1024);
  });

  it.each([
    ['the largest picture from 54 bytes', { width: 10_000, height: 5_000, encoding: 'rgb24' }, 50],
    ['a picture beyond the largest', { width: 10_000, height: 5_001, encoding: 'gray8' }, 300_000],
  ] as const)('does not even ask the decompressor for %s', (_, shape, length) => {
    const claim = lz4(rawBytes(shape) ?? 0, Buffer.alloc(length));
    // What the decompressor refuses has its error as cause.
    expect(() => unpackPixels(claim, shape, 'lz4')).toThrow(
      expect.toSatisfy((error: Error) => error.message.includes('does not unpack to') && error.cause === undefined),
    );
  });

  it('refuses to pack a raw picture that no reader would take', () => {
    const huge = { width: 65_535, height: 1000, encoding: 'gray8' } as const;
    expect(() => packPixels(new Uint8Array(65_535_000), huge, 'none')).toThrow(
      expect.objectContaining({ code: 'invalid_picture' }),
    );
  });

  it('throws pixels_damaged and nothing else on random and damaged bytes', () => {
    const source = fc.uint8Array({ minLength: 2048, maxLength: 2048 }).map((bytes) => packPixels(bytes, gray, 'lz4'));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((rest) => lz4(2048, rest)),
      fc.tuple(source, damage).map(([packed, hurt]) => hurt(packed)),
    );
    fc.assert(
      fc.property(bytes, (hostile) => {
        try {
          expect(unpackPixels(hostile, gray, 'lz4')).toHaveLength(2048);
        } catch (error) {
          if (!(error instanceof FrameBufferError)) throw error;
          expect(error.code).toBe('pixels_damaged');
        }
      }),
      { numRuns: 1000 },
    );
  });
});
