import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readStandard } from '../tests/messagepack-reader.ts';
import { pack, unpack } from './messagepack.ts';

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.double({ noNaN: true }).map((n) => n + 0),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).value;

/** As a header of `type` and 4 bytes of length, without the content. */
const claim = (type: number, length: number) => Buffer.from([type, length >>> 24, length >>> 16, length >>> 8, length]);

describe('messagepack', () => {
  it('writes what a reader without extensions reads, and reads it back', () => {
    fc.assert(
      fc.property(plain, (value) => {
        const bytes = pack(value);
        expect(readStandard(bytes)).toEqual(value);
        expect(unpack(bytes)).toEqual(value);
      }),
    );
  });

  it('keeps bytes as binary', () => {
    const bytes = pack([Buffer.from('abc'), new Uint8Array(300)]);
    expect(readStandard(bytes)).toEqual([new Uint8Array([97, 98, 99]), new Uint8Array(300)].map((b) => Buffer.from(b)));
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);
  it.each([
    ['a date', [new Date(0)]],
    ['an integer beyond 64 bits', 2n ** 70n],
    ['a symbol', Symbol('x')],
    ['a cycle', cycle],
  ])('refuses to write %s', (_, value) => {
    expect(() => pack(value)).toThrow(expect.objectContaining({ code: 'invalid_value', retryable: false }));
  });

  it.each([
    ['a set', new Set([1]), [1]],
    ['a map', new Map([['a', 1]]), { a: 1 }],
    ['an instance', new URLSearchParams(), {}],
    ['undefined', undefined, null],
  ])('writes %s as plain data', (_, value, read) => {
    expect(readStandard(pack(value))).toEqual(read);
  });

  it.each([
    ['a date', 'd6ff00000000'],
    ['a record definition, which msgpackr would compile', 'd4724091a161 01'],
    ['a regular expression', 'd47800 92a178a0'],
    ['an error', 'd46500 93a5456e6f6f6fa0c0'],
    ['bundled strings', 'd662 00000001 a0a0'],
    ['a reference', 'd670 00000001'],
    ['an extension inside an array', '9201d40000'],
    ['the never used type', 'c1'],
    ['nothing', ''],
    ['two values', '0101'],
    ['a string cut off', 'd9ff61'],
    ['a float cut off', 'cb0000'],
    ['a map with a map as key', '81 8001 01'],
  ])('refuses to read %s', (_, hex) => {
    expect(() => unpack(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toThrow(RangeError);
  });

  it.each([
    ['an array of 2^25', claim(0xdd, 2 ** 25)],
    ['an array of 2^32 - 1', claim(0xdd, 2 ** 32 - 1)],
    ['a map of 2^32 - 1', claim(0xdf, 2 ** 32 - 1)],
    ['a binary of 2^32 - 1', claim(0xc6, 2 ** 32 - 1)],
    ['a string of 2^32 - 1', claim(0xdb, 2 ** 32 - 1)],
    ['arrays in arrays without end', Buffer.alloc(100_000, 0x91)],
    ['maps in maps without end', Buffer.alloc(100_000, 0x81)],
    [
      'nested arrays that each claim all that is left',
      Buffer.concat(Array.from({ length: 30 }, () => claim(0xdd, 5000)).concat(Buffer.alloc(6000))),
    ],
  ])('refuses %s at once, without the memory it claims', (_, bytes) => {
    const heap = process.memoryUsage().heapUsed;
    const started = performance.now();
    expect(() => unpack(bytes)).toThrow(RangeError);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(16 * 1024 * 1024);
  });

  it('reads 32 arrays inside one another, and not 33', () => {
    const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);
    expect(JSON.stringify(unpack(nested(32)))).toBe(`${'['.repeat(32)}null${']'.repeat(32)}`);
    expect(() => unpack(nested(33))).toThrow('more than 32');
  });

  it('throws RangeError and nothing else on random bytes, and never disagrees with the second reader', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const value = attempt(() => unpack(bytes));
        if (value instanceof Error) {
          expect(value).toBeInstanceOf(RangeError);
          return;
        }
        // Invalid UTF-8 is the readers' choice; what was accepted must be whole and without extensions.
        const second = attempt(() => readStandard(bytes));
        if (second instanceof Error) expect(second.message).not.toMatch(/extension|left over|truncated/);
      }),
      { numRuns: 2000 },
    );
  });
});

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? error : new Error('not an Error');
  }
}
