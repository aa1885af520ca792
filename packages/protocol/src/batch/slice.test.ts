import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame, header, items, open, token } from '../../tests/arbitraries.ts';
import { allSeen, expected, frames, headerOf } from '../../tests/inspect.ts';
import { readStandard } from '../../tests/messagepack-reader.ts';
import { pack } from '../messagepack.ts';
import { type BatchItem, encodeBatch } from './encode.ts';
import { HEADER_AT, INDEX_ENTRY_BYTES } from './layout.ts';
import { encodeRecord } from './record.ts';
import { sliceBatch, withHeader } from './slice.ts';
import { openBatch } from './view.ts';

const one = { frame, ageMs: 7 };

describe('forwarding', () => {
  const dispatched = fc.record({ capability: token, dispatcher: token, elapsedMs: fc.nat(1e6) });

  it('puts a new header before the same frames', () => {
    fc.assert(
      fc.property(header, items, dispatched, (head, list, next) => {
        const old = open(encodeBatch(head, list));
        const batch = open(withHeader(old, next));
        expect(headerOf(batch)).toEqual({ ...next, delayMs: 0, generation: head.generation });
        expect(allSeen(batch)).toEqual(allSeen(old));
        expect(frames(batch)).toEqual(frames(old));
      }),
    );
  });

  it('cuts slices that together hold every frame once, with raised attempts and only their cameras', () => {
    fc.assert(
      fc.property(header, items, dispatched, fc.nat(300), fc.nat(), (head, list, next, raiseAttempt, cutAt) => {
        const old = open(encodeBatch(head, list));
        const cut = cutAt % old.frameCount;
        const ranges = [
          [0, cut],
          [cut, old.frameCount],
        ].filter(([from = 0, to = 0]) => from < to);
        const parts = ranges.map(([from = 0, to = 0]) => open(sliceBatch(old, from, to, { ...next, raiseAttempt })));
        const raised = allSeen(old).map((entry) => ({
          ...entry,
          attempt: Math.min(255, entry.attempt + raiseAttempt),
        }));
        expect(parts.flatMap(allSeen)).toEqual(raised);
        expect(parts.flatMap(frames)).toEqual(frames(old));
        for (const part of parts) {
          expect(headerOf(part)).toEqual({ ...next, delayMs: 0, generation: head.generation });
          expect(new Set(Array.from({ length: part.frameCount }, (_, i) => part.cameraNumber(i))).size).toBe(
            part.cameras.length,
          );
        }
      }),
    );
  });

  it('does not make tasks younger: what was elapsed stays unless it is said anew', () => {
    const old = open(encodeBatch({ capability: 'motion', elapsedMs: 500, delayMs: 50, generation: 2 }, [one, one]));
    for (const bytes of [withHeader(old, { capability: 'motion' }), sliceBatch(old, 0, 1, { capability: 'motion' })])
      expect(open(bytes)).toMatchObject({ elapsedMs: 500, delayMs: 0, generation: 2 });
  });

  it('slices slices', () => {
    const list = Array.from({ length: 20 }, (_, i) => ({
      frame: { ...frame, camera: `cam-${i % 4}`, sequence: i + 1 },
      ageMs: i,
    }));
    const middle = open(sliceBatch(open(encodeBatch({ capability: 'motion' }, list)), 5, 15, { capability: 'motion' }));
    const inner = open(sliceBatch(middle, 3, 4, { capability: 'motion' }));
    expect(inner.frame(0)).toEqual(list[8]?.frame);
    expect(inner.cameras).toMatchObject([{ camera: 'cam-0' }]);
  });

  it('never decodes: records that nobody can read are carried byte by byte', () => {
    const garbage = [Buffer.from([0xc1, 0xc1, 0xc1]), Buffer.alloc(90, 0xdd), Buffer.from([0xd4, 0x72, 0x40])];
    const old = open(
      encodeBatch(
        { capability: 'motion' },
        garbage.map((record) => ({ ...one, record })),
      ),
    );
    const whole = open(withHeader(old, { capability: 'motion', dispatcher: 'o-1' }));
    expect(garbage.map((_, i) => Buffer.from(whole.recordBytes(i)))).toEqual(garbage);
    const part = open(sliceBatch(old, 1, 3, { capability: 'motion', raiseAttempt: 1 }));
    expect([part.recordBytes(0), part.recordBytes(1)].map((bytes) => Buffer.from(bytes))).toEqual(garbage.slice(1));
    expect(() => part.frame(0)).toThrow(RangeError);
  });

  it.each([
    [-1, 1],
    [0, 0],
    [1, 1],
    [2, 1],
    [0, 3],
    [0.5, 1],
    [Number.NaN, 1],
  ])('refuses the slice %d to %d of two frames', (from, to) => {
    const batch = open(encodeBatch({ capability: 'motion' }, [one, one]));
    expect(() => sliceBatch(batch, from, to, { capability: 'motion' })).toThrow(
      expect.objectContaining({ code: 'invalid_batch' }),
    );
  });

  it('refuses a header with names that are none', () => {
    const batch = open(encodeBatch({ capability: 'motion' }, [one, one]));
    for (const head of [{ capability: 'a.b' }, { capability: 'motion', dispatcher: '>' }]) {
      expect(() => withHeader(batch, head)).toThrow(expect.objectContaining({ code: 'invalid_name' }));
      expect(() => sliceBatch(batch, 0, 1, head)).toThrow(expect.objectContaining({ code: 'invalid_name' }));
    }
  });
});

describe('versions', () => {
  /** What version N+1 may do: 8 more bytes of header, 12 more per index entry, two more fields in each record. */
  function nextVersion(list: readonly BatchItem[]): Buffer {
    const longer = list.map((entry) => ({
      ...entry,
      record: pack([...(readStandard(encodeRecord(entry.frame)) as unknown[]), 'new', 1]),
    }));
    const old = encodeBatch({ capability: 'motion', elapsedMs: 4 }, longer);
    const body = old.readUInt16LE(HEADER_AT.headerBytes);
    const index = body + old.readUInt32LE(HEADER_AT.index);
    const records = body + old.readUInt32LE(HEADER_AT.records);
    const parts = [old.subarray(0, body), Buffer.alloc(8, 0xee), old.subarray(body, index)];
    for (let at = index; at < records; at += INDEX_ENTRY_BYTES)
      parts.push(old.subarray(at, at + INDEX_ENTRY_BYTES), Buffer.alloc(12, 0xee));
    const bytes = Buffer.concat([...parts, old.subarray(records)]);
    bytes[HEADER_AT.version] = 2;
    bytes.writeUInt16LE(body + 8, HEADER_AT.headerBytes);
    bytes.writeUInt16LE(INDEX_ENTRY_BYTES + 12, HEADER_AT.indexEntryBytes);
    bytes.writeUInt32LE(records - body + 12 * list.length, HEADER_AT.records);
    return bytes;
  }

  it('N+1 is read, forwarded and sliced', () => {
    fc.assert(
      fc.property(items, (list) => {
        const batch = open(nextVersion(list));
        const sliced = sliceBatch(batch, 0, batch.frameCount, { capability: 'motion', raiseAttempt: 1 });
        for (const view of [batch, open(withHeader(batch, { capability: 'motion' })), open(sliced)]) {
          expect(frames(view)).toEqual(list.map((entry) => entry.frame));
          expect(allSeen(view).map(({ attempt: _, ...rest }) => rest)).toEqual(
            list.map(expected).map(({ attempt: _, ...rest }) => rest),
          );
          expect(view.elapsedMs).toBe(4);
        }
      }),
    );
  });

  it.each([3, 4, 255])('version %d is held, whatever follows', (version) => {
    const bytes = encodeBatch({ capability: 'motion' }, [one]);
    bytes[HEADER_AT.version] = version;
    for (const message of [bytes, bytes.subarray(0, 3), bytes.subarray(0, 20), bytes.fill(0xff, 3)])
      expect(openBatch(message)).toMatchObject({ ok: false, reason: 'unsupported_version' });
  });

  it('version 0 was never written', () => {
    const bytes = encodeBatch({ capability: 'motion' }, [one]);
    bytes[HEADER_AT.version] = 0;
    expect(openBatch(bytes)).toMatchObject({ ok: false, reason: 'malformed' });
  });
});
