import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { inspectJpeg, type JpegFault } from './jpeg.ts';

const real = await drawn().jpeg().toBuffer();
const png = await drawn().png().toBuffer();
const progressive = await drawn().jpeg({ progressive: true }).toBuffer();

function drawn() {
  return sharp({ create: { width: 48, height: 32, channels: 3, background: '#a03060' } });
}

function bytes(...parts: (number | readonly number[] | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));
}

const SOI = [0xff, 0xd8];
const EOI = [0xff, 0xd9];
const scan = [0xff, 0xda, 0, 3, 0, 1, 2, 3];

function frameHeader({ width = 16, height = 8, marker = 0xc0 } = {}): number[] {
  return [0xff, marker, 0, 11, 8, height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0];
}

function comments(count: number): number[] {
  return Array.from({ length: count }, () => [0xff, 0xfe, 0, 2]).flat();
}

describe('inspectJpeg', () => {
  it.each([
    ['baseline', real],
    ['progressive', progressive],
  ])('accepts a real one: %s', (_, picture) => {
    expect(inspectJpeg(picture)).toEqual({ ok: true, width: 48, height: 32, bytes: picture });
  });

  it('accepts the smallest thing that has all parts, fill bytes and 200 segments', () => {
    expect(inspectJpeg(bytes(SOI, frameHeader(), scan, EOI))).toMatchObject({ ok: true, width: 16, height: 8 });
    expect(inspectJpeg(bytes(SOI, 0xff, 0xff, frameHeader(), scan, EOI))).toMatchObject({ ok: true });
    expect(inspectJpeg(bytes(SOI, comments(198), frameHeader(), scan, EOI))).toMatchObject({ ok: true });
  });

  it('trims the padding behind the end, without a copy', () => {
    const padded = bytes(real, [0, 0, 0xff, 0]);
    const inspected = inspectJpeg(padded);
    expect(inspected).toMatchObject({ ok: true });
    if (!inspected.ok) return;
    expect(Buffer.from(inspected.bytes).equals(real)).toBe(true);
    expect(inspected.bytes.buffer).toBe(padded.buffer);
  });

  it.each<[string, JpegFault, Uint8Array]>([
    ['nothing', 'empty', bytes()],
    ['text', 'not_jpeg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['a GIF', 'not_jpeg', Buffer.from('GIF89a')],
    ['a PNG', 'not_jpeg', png],
    ['the first two bytes', 'not_jpeg', bytes(SOI)],
    ['no end', 'truncated', real.subarray(0, -2)],
    ['half', 'truncated', real.subarray(0, real.length / 2)],
    ['a segment longer than the rest', 'truncated', bytes(SOI, [0xff, 0xe0, 0xff, 0xff], frameHeader(), scan, EOI)],
    ['a length of 1', 'truncated', bytes(SOI, [0xff, 0xe0, 0, 1], frameHeader(), scan, EOI)],
    ['an empty scan', 'truncated', bytes(SOI, frameHeader(), [0xff, 0xda, 0, 3, 0], EOI)],
    ['rubbish between segments', 'not_jpeg', bytes(SOI, frameHeader(), [1, 2, 3], scan, EOI)],
    ['no frame header', 'not_jpeg', bytes(SOI, scan, EOI)],
    ['an end before any scan', 'not_jpeg', bytes(SOI, frameHeader(), EOI)],
    ['201 segments', 'too_many_segments', bytes(SOI, comments(199), frameHeader(), scan, EOI)],
    ['lossless coding', 'unsupported_coding', bytes(SOI, frameHeader({ marker: 0xc3 }), scan, EOI)],
    ['two frame headers', 'unsupported_coding', bytes(SOI, frameHeader(), frameHeader(), scan, EOI)],
    ['no width', 'bad_dimensions', bytes(SOI, frameHeader({ width: 0 }), scan, EOI)],
    ['no height', 'bad_dimensions', bytes(SOI, frameHeader({ height: 0 }), scan, EOI)],
    ['16000²', 'bad_dimensions', bytes(SOI, frameHeader({ width: 16_000, height: 16_000 }), scan, EOI)],
  ])('refuses %s', (_, reason, picture) => {
    expect(inspectJpeg(picture)).toEqual({ ok: false, reason });
  });

  it('answers whatever the bytes are, and never reads past the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, begins) => {
        const inspected = inspectJpeg(begins ? bytes(SOI, 0xff, noise) : noise);
        if (inspected.ok) expect(inspected.bytes.length).toBeLessThanOrEqual(noise.length + 3);
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses every real picture that was cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: real.length - 1 }), (length) => {
        expect(inspectJpeg(real.subarray(0, length)).ok).toBe(false);
      }),
    );
  });
});
