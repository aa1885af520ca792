import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { damage, descriptor, frame, TRACEPARENT } from '../../tests/arbitraries.ts';
import { readStandard } from '../../tests/messagepack-reader.ts';
import type { FrameDescriptor } from '../frame.ts';
import { frameDescriptorSchema } from '../frame.ts';
import { pack } from '../messagepack.ts';
import { decodeRecord, encodeRecord } from './record.ts';

const fieldsOf = (value: FrameDescriptor) => readStandard(encodeRecord(value)) as unknown[];

describe('record', () => {
  it('brings any descriptor back as it was', () => {
    fc.assert(
      fc.property(descriptor, (value) => {
        expect(decodeRecord(encodeRecord(value))).toEqual(value);
      }),
    );
  });

  it('is standard MessagePack: a reader without extensions finds the fields in their order', () => {
    const attributes = { zone: 'gate 7', score: 0.5, night: true };
    expect(fieldsOf({ ...frame, traceparent: TRACEPARENT, attributes })).toEqual([
      'entrance-north',
      1_753_000_000_000,
      123_456,
      1_753_000_123_456.789,
      1280,
      720,
      1,
      84_211,
      1_234_567,
      ['detect-person'],
      5,
      60_000,
      Buffer.from('4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b701', 'hex'),
      attributes,
    ]);
    fc.assert(
      fc.property(descriptor, (value) => {
        expect(fieldsOf(value)).toHaveLength(14);
      }),
    );
  });

  it('reads a record of the next version, which has fields appended', () => {
    const bytes = pack([...fieldsOf(frame), 'new', { more: [1, 2] }]);
    expect(decodeRecord(bytes)).toEqual(frame);
  });

  it('accepts what the schema accepts, and neither accepts what the other refuses', () => {
    const wrong: Partial<Record<keyof FrameDescriptor, unknown>>[] = [
      { camera: 'a.b' },
      { camera: '' },
      { camera: 'x'.repeat(64) },
      { camera: 7 },
      { epoch: -1 },
      { epoch: 2 ** 48 },
      { sequence: 0 },
      { sequence: 1.5 },
      { sequence: 2 ** 48 },
      { sequence: '1' },
      { sequence: Number.NaN },
      { capturedAtMs: -1 },
      { capturedAtMs: Number.POSITIVE_INFINITY },
      { capturedAtMs: '2026-01-01' },
      { width: 65_536 },
      { height: -1 },
      { encoding: 'h264' },
      { byteSize: 0.5 },
      { pixelSequence: -1 },
      { pixelSequence: 2 ** 48 },
      { capabilities: [] },
      { capabilities: 'motion' },
      { capabilities: ['a>'] },
      { capabilities: Array.from({ length: 17 }, (_, i) => `c${i}`) },
      { priority: -1 },
      { priority: 11 },
      { priority: 2.5 },
      { maxAgeMs: -1 },
      { maxAgeMs: 2 ** 32 },
      { traceparent: 'garbage' },
      { traceparent: TRACEPARENT.toUpperCase() },
      { attributes: [] },
      { attributes: { nested: {} } },
      { attributes: { n: Number.NaN } },
    ];
    for (const fault of wrong) {
      const value = { ...frame, ...fault } as FrameDescriptor;
      const named = Object.entries(fault).join();
      expect(frameDescriptorSchema.safeParse(value).success, named).toBe(false);
      expect(() => encodeRecord(value), named).toThrow(expect.objectContaining({ code: 'invalid_frame' }));
    }
    fc.assert(
      fc.property(descriptor, (value) => {
        expect(frameDescriptorSchema.parse(value)).toEqual(value);
      }),
    );
  });

  it('bounds attributes by their bytes, not their characters', () => {
    const withText = (text: string) => ({ ...frame, attributes: { text } });
    const room = 1024 - '{"text":""}'.length;
    for (const text of ['x'.repeat(room), '€'.repeat(Math.floor(room / 3))]) {
      expect(decodeRecord(encodeRecord(withText(text)))).toEqual(withText(text));
      expect(frameDescriptorSchema.safeParse(withText(text)).success).toBe(true);
    }
    for (const text of ['x'.repeat(room + 1), '€'.repeat(room)]) {
      expect(() => encodeRecord(withText(text))).toThrow(expect.objectContaining({ code: 'invalid_attributes' }));
      expect(frameDescriptorSchema.safeParse(withText(text)).success).toBe(false);
    }
  });

  it('refuses a field of the wrong type, whichever it is', () => {
    const right = fieldsOf({ ...frame, traceparent: TRACEPARENT, attributes: { a: 1 } });
    const others: unknown[] = [null, true, -1, 'A B', [], [1], {}, { a: [] }, new Uint8Array(24), Number.NaN];
    for (const [i, field] of right.entries()) {
      const refused = others.filter((other) => {
        // Trace context and attributes may be absent, attributes may be empty.
        if (i >= 12 && other === null) return false;
        return !(i === 13 && JSON.stringify(other) === '{}' && !(other instanceof Uint8Array));
      });
      for (const other of refused) {
        const bytes = pack(right.with(i, other));
        expect(() => decodeRecord(bytes), `field ${i}: ${JSON.stringify(other)} for ${String(field)}`).toThrow(
          RangeError,
        );
      }
    }
    expect(() => decodeRecord(pack(right.slice(0, 13)))).toThrow(RangeError);
    expect(() => decodeRecord(pack({ camera: 'a' }))).toThrow(RangeError);
    expect(() => decodeRecord(pack(right.with(6, 'length')))).toThrow(RangeError);
  });

  it('throws RangeError and nothing else on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectRecordOrRangeError(bytes)),
      { numRuns: 1000 },
    );
  });

  it('throws RangeError and nothing else on damaged records, and what it accepts is within bounds', () => {
    fc.assert(
      fc.property(descriptor, damage, (value, hurt) => expectRecordOrRangeError(hurt(encodeRecord(value)))),
      { numRuns: 2000 },
    );
  });
});

function expectRecordOrRangeError(bytes: Uint8Array): void {
  let decoded: FrameDescriptor;
  try {
    decoded = decodeRecord(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return;
  }
  // Whatever was accepted can be written and read again: nothing out of bounds has come in.
  const again = encodeRecord(decoded);
  expect(encodeRecord(decodeRecord(again)).equals(again)).toBe(true);
}
