import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMpjpegParser, MpjpegError } from './mpjpeg.ts';

function part(body: Uint8Array): Buffer {
  const header = `--fb\r\nContent-type: image/jpeg\r\nContent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(header), body, Buffer.from('\r\n')]);
}

function parse(chunks: readonly Uint8Array[], options?: { maxPictureBytes: number }): Uint8Array[] {
  const pictures: Uint8Array[] = [];
  const parser = createMpjpegParser((bytes) => pictures.push(bytes), options);
  for (const chunk of chunks) parser.push(chunk);
  return pictures;
}

describe('mpjpeg', () => {
  it('M1: gives the same pictures wherever the chunks are cut, and whatever they hold', () => {
    const body = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.constant(Buffer.from('\r\n--fb\r\nContent-length: 3\r\n\r\n')),
    );
    fc.assert(
      fc.property(fc.array(body, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 90 })), (bodies, cuts) => {
        let rest = Buffer.concat([...bodies.map(part), Buffer.from('--fb\r\n')]);
        const chunks: Uint8Array[] = [];
        for (const cut of cuts) {
          chunks.push(rest.subarray(0, cut));
          rest = rest.subarray(cut);
        }
        const pictures = parse([...chunks, rest]);
        expect(pictures.map((p) => Buffer.from(p).toString('hex'))).toEqual(
          bodies.map((b) => Buffer.from(b).toString('hex')),
        );
      }),
    );
  });

  it('M2: a picture has memory of its own', () => {
    const stream = part(Buffer.from('picture'));
    const [picture] = parse([stream]);
    expect(picture?.buffer.byteLength).toBe(7);
    stream.fill(0);
    expect(Buffer.from(picture ?? []).toString()).toBe('picture');
  });

  it.each([
    ['a picture above the bound', [part(Buffer.alloc(101))], /101 bytes/],
    ['no length', [Buffer.from('--fb\r\nContent-type: image/jpeg\r\n\r\n')], /no Content-length/],
    ['a length of 0', [part(Buffer.alloc(0))], /no Content-length/],
    ['an endless header', [Buffer.alloc(600, 97), Buffer.alloc(600, 97)], /no end of header/],
  ])('M3: refuses %s', (_, chunks, message) => {
    expect(() => parse(chunks, { maxPictureBytes: 100 })).toThrow(MpjpegError);
    expect(() => parse(chunks, { maxPictureBytes: 100 })).toThrow(message);
  });
});
