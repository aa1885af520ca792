import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchBytes, damage, frame } from '../../tests/arbitraries.ts';
import { encodeBatch } from './encode.ts';
import { HEADER_BYTES, MAGIC_0, MAGIC_1 } from './layout.ts';
import { sliceBatch, withHeader } from './slice.ts';
import { type BatchView, openBatch } from './view.ts';

const next = { capability: 'motion', dispatcher: 'o-1' };

/** Reads everything a batch offers. Only records may fail, and only with RangeError. */
function readAll(batch: BatchView): unknown[] {
  const frames = [];
  for (let i = 0; i < batch.frameCount; i++) {
    const indexed = [batch.cameraOf(i), batch.sequence(i), batch.pixelSequence(i), batch.priority(i), batch.attempt(i)];
    const times = [batch.maxAgeMs(i), batch.ageAtPublishMs(i), batch.isExpired(i, 5)];
    frames.push([indexed, times, batch.recordBytes(i).toString('hex'), decoded(batch, i)]);
  }
  return [batch.capability, batch.dispatcher, batch.elapsedMs, batch.delayMs, batch.generation, batch.cameras, frames];
}

function decoded(batch: BatchView, i: number): unknown {
  try {
    return batch.frame(i);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return 'undecodable';
  }
}

const indexOf = (bytes: Buffer) => bytes.readUInt16LE(4) + bytes.readUInt32LE(12);

/** What a message says, wherever it lies in memory: the same bytes inside others, with `filler` around. */
function outcomeWithin(bytes: Uint8Array, filler: number): unknown {
  const around = Buffer.alloc(bytes.length + 128, filler);
  around.set(bytes, 64);
  const opened = openBatch(around.subarray(64, 64 + bytes.length));
  return opened.ok ? readAll(opened.batch) : opened;
}

function check(bytes: Uint8Array): void {
  const outcome = outcomeWithin(bytes, 0x00);
  // The answer depends on the message's own bytes: nothing outside was read.
  expect(outcomeWithin(bytes, 0xff)).toEqual(outcome);
  const opened = openBatch(bytes);
  if (!opened.ok) return;
  const { batch } = opened;
  const before = Buffer.from(bytes);
  const whole = openBatch(withHeader(batch, next));
  const last = openBatch(sliceBatch(batch, batch.frameCount - 1, batch.frameCount, { ...next, raiseAttempt: 1 }));
  // Whatever could be opened can be forwarded, to a reader that opens it too.
  expect([whole.ok, last.ok]).toEqual([true, true]);
  expect(Buffer.from(bytes)).toEqual(before);
}

describe('openBatch', () => {
  it('answers random bytes with a reason', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check), { numRuns: 500 });
  });

  it('answers random bytes behind a valid beginning with a reason, or reads them', () => {
    const begun = fc
      .tuple(
        fc.integer({ min: 1, max: 2 }),
        fc.array(fc.integer({ min: 0, max: 70 }), { minLength: HEADER_BYTES, maxLength: 300 }),
      )
      .map(([version, rest]) => Buffer.from([MAGIC_0, MAGIC_1, version, ...rest]));
    fc.assert(fc.property(begun, check), { numRuns: 1000 });
  });

  it('answers damaged batches with a reason, or reads them', () => {
    fc.assert(
      fc.property(batchBytes, damage, (bytes, hurt) => check(hurt(bytes))),
      { numRuns: 2000 },
    );
  });

  it.each<[string, (bytes: Buffer, body: number) => void]>([
    ['0 frames', (bytes) => bytes.writeUInt16LE(0, 10)],
    ['1025 frames', (bytes) => bytes.writeUInt16LE(1025, 10)],
    ['sizes too small', (bytes) => bytes.writeUInt16LE(27, 6)],
    ['sizes too small', (bytes) => bytes.writeUInt16LE(33, 4)],
    ['index or records lie outside', (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(16) + 1, 12)],
    ['index or records lie outside', (bytes, body) => bytes.writeUInt32LE(bytes.length - body + 1, 16)],
    ['names lie outside the header', (bytes, body) => bytes.writeUInt16LE(body - 1, 4)],
    ['capability is no name', (bytes) => bytes.write('.', 33)],
    ['dispatcher is no name', (bytes, body) => bytes.write('.', body - 1)],
    ['cameras reaches into the index', (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(12) - 1, 12)],
    ['camera 0 is damaged', (bytes, body) => bytes.write('.', body + 1)],
    ['camera 0 is damaged', (bytes, body) => bytes.writeUInt8(200, body + 1 + 14 + 6)],
    ['camera 0 is damaged', (bytes, body) => bytes.writeUInt8(200, body + 1 + 14 + 7)],
    ['frame 0 names an unknown camera', (bytes) => bytes.writeUInt16LE(1, indexOf(bytes))],
    ['record 1 lies outside', (bytes) => bytes.writeUInt32LE(bytes.length, indexOf(bytes) + 28 + 24)],
    ['record 1 lies outside', (bytes) => bytes.writeUInt32LE(1, indexOf(bytes) + 24)],
  ])('says what is wrong: %s', (detail, hurt) => {
    const bytes = encodeBatch(
      next,
      [1, 2].map((sequence) => ({ frame: { ...frame, sequence }, ageMs: 0 })),
    );
    bytes.writeUInt32LE(0, indexOf(bytes) + 28 + 24);
    expect(openBatch(bytes).ok).toBe(true);
    hurt(bytes, bytes.readUInt16LE(4));
    expect(openBatch(bytes)).toMatchObject({ ok: false, reason: 'malformed', detail: expect.stringContaining(detail) });
  });

  it('is not fooled by sizes that claim everything', () => {
    fc.assert(
      fc.property(
        batchBytes,
        fc.subarray([4, 6, 8, 10, 12, 14, 16, 18], { minLength: 1 }),
        fc.constantFrom(0, 0xffff, 0x8000, 1),
        (bytes, fields, value) => {
          const copy = Buffer.from(bytes);
          for (const at of fields) copy.writeUInt16LE(value, at);
          check(copy);
        },
      ),
      { numRuns: 500 },
    );
  });
});
