/** Arbitrary descriptors, batches and damage, for the property tests of this package. */
import fc from 'fast-check';
import {
  type BatchHeader,
  type BatchItem,
  type BatchView,
  ENCODINGS,
  encodeBatch,
  type FrameDescriptor,
  MAX_U48,
  openBatch,
} from '../src/index.ts';

export const token = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
const u48 = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.maxSafeNat().map((n) => (n % MAX_U48) + 1),
);
const traceparent = fc.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
const attributes = fc.dictionary(
  fc.string({ maxLength: 8 }).filter((name) => name !== '__proto__'),
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
    fc.boolean(),
  ),
  { maxKeys: 4, noNullPrototype: true },
);

export const descriptor: fc.Arbitrary<FrameDescriptor> = fc.record(
  {
    camera: token,
    epoch: fc.oneof(fc.constant(0), u48),
    sequence: u48,
    capturedAtMs: fc.double({ min: 0, max: 4e12, noNaN: true }).map((n) => n + 0),
    width: fc.integer({ min: 0, max: 65_535 }),
    height: fc.integer({ min: 0, max: 65_535 }),
    encoding: fc.constantFrom(...ENCODINGS),
    byteSize: fc.integer({ min: 0, max: 20_000_000 }),
    pixelSequence: fc.oneof(fc.constant(0), u48),
    capabilities: fc.uniqueArray(token, { minLength: 1, maxLength: 16 }),
    priority: fc.integer({ min: 0, max: 10 }),
    maxAgeMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 0xffff_ffff })),
    traceparent,
    attributes,
  },
  {
    requiredKeys: [
      'camera',
      'epoch',
      'sequence',
      'capturedAtMs',
      'width',
      'height',
      'encoding',
      'byteSize',
      'pixelSequence',
      'capabilities',
      'priority',
      'maxAgeMs',
    ],
    noNullPrototype: true,
  },
);

export const item: fc.Arbitrary<BatchItem & { readonly attempt: number }> = fc.record({
  frame: descriptor,
  ageMs: fc.integer({ min: 0, max: 1_000_000 }),
  attempt: fc.integer({ min: 0, max: 255 }),
});

export const header: fc.Arbitrary<Required<BatchHeader>> = fc.record({
  capability: token,
  dispatcher: fc.oneof(fc.constant(''), token),
  elapsedMs: fc.integer({ min: 0, max: 1_000_000 }),
  delayMs: fc.integer({ min: 0, max: 1_000_000 }),
  generation: fc.integer({ min: 0, max: 1000 }),
});

/** Few cameras for many frames, as in life. */
export const items = fc.tuple(fc.array(item, { minLength: 1, maxLength: 12 }), fc.boolean()).map(([list, shared]) => {
  const first = list[0]?.frame;
  if (!shared || first === undefined) return list;
  const { camera, epoch, encoding } = first;
  return list.map((one, i) => (i % 3 === 0 ? { ...one, frame: { ...one.frame, camera, epoch, encoding } } : one));
});

export const batchBytes = fc.tuple(header, items).map(([head, list]) => encodeBatch(head, list));

/** Opens what must open. */
export function open(bytes: Uint8Array): BatchView {
  const opened = openBatch(bytes);
  if (!opened.ok) throw new Error(`${opened.reason}: ${opened.detail}`);
  return opened.batch;
}

export type Damage = (bytes: Uint8Array) => Buffer;

/** Overwrites bytes, cuts, grows, or moves a part: what a broken writer or disk does. */
export const damage: fc.Arbitrary<Damage> = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('set' as const),
          at: fc.nat(),
          value: fc.integer({ min: 0, max: 255 }),
        }),
      },
      // The first bytes are headers: damage there reaches more code.
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('set' as const),
          at: fc.nat(64),
          value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xc1, 0xc7, 0xd4, 0xdd, 0xdf, 0xff),
        }),
      },
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), value: fc.nat(40) }),
      fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((steps) => (bytes) => {
    let damaged = Buffer.from(bytes);
    for (const { kind, at, value } of steps) {
      const place = damaged.length === 0 ? 0 : at % damaged.length;
      if (kind === 'set') damaged[place] = value;
      else if (kind === 'cut') damaged = Buffer.concat([damaged.subarray(0, place), damaged.subarray(place + value)]);
      else damaged = Buffer.concat([damaged.subarray(0, place), Buffer.from([value]), damaged.subarray(place)]);
    }
    return damaged;
  });

export const frame: FrameDescriptor = {
  camera: 'entrance-north',
  epoch: 1_753_000_000_000,
  sequence: 123_456,
  capturedAtMs: 1_753_000_123_456.789,
  width: 1280,
  height: 720,
  encoding: 'jpeg',
  byteSize: 84_211,
  pixelSequence: 1_234_567,
  capabilities: ['detect-person'],
  priority: 5,
  maxAgeMs: 60_000,
};

export const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
