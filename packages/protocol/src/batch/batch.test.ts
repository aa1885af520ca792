import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame, header, items, open, TRACEPARENT } from '../../tests/arbitraries.ts';
import { allSeen, expected, frames, headerOf, seen } from '../../tests/inspect.ts';
import { readStandard } from '../../tests/messagepack-reader.ts';
import type { FrameDescriptor } from '../frame.ts';
import { encodeBatch } from './encode.ts';
import { MAX_FRAMES_PER_BATCH, readU48 } from './layout.ts';
import { encodeRecord } from './record.ts';
import { openBatch } from './view.ts';

const one = { frame, ageMs: 7 };

describe('batch', () => {
  it('brings header, index and every frame back as they were', () => {
    fc.assert(
      fc.property(header, items, (head, list) => {
        const batch = open(encodeBatch(head, list));
        expect(headerOf(batch)).toEqual(head);
        expect(allSeen(batch)).toEqual(list.map(expected));
        expect(frames(batch)).toEqual(list.map((entry) => entry.frame));
      }),
    );
  });

  it('lays out its bytes as the README says', () => {
    const head = { capability: 'motion', dispatcher: 'o-1', elapsedMs: 11, delayMs: 12, generation: 13 };
    const bytes = encodeBatch(head, [
      one,
      { frame: { ...frame, camera: 'yard', sequence: 2 ** 40 + 5 }, ageMs: 9, attempt: 2 },
    ]);
    expect(bytes.toString('latin1', 0, 2)).toBe('FB');
    expect([...bytes.subarray(2, 4)]).toEqual([1, 0]);
    const body = 32 + 1 + 'motion'.length + 1 + 'o-1'.length;
    const cameras = 'entrance-north'.length + 'yard'.length + 2 * 9;
    expect([4, 6, 8, 10].map((at) => bytes.readUInt16LE(at))).toEqual([body, 28, 2, 2]);
    expect([12, 16, 20, 24, 28].map((at) => bytes.readUInt32LE(at))).toEqual([cameras, cameras + 56, 11, 12, 13]);
    expect(bytes.toString('latin1', 32, body)).toBe('\x06motion\x03o-1');
    expect(bytes.toString('latin1', body, body + 15)).toBe('\x0eentrance-north');
    expect(readU48(bytes, body + 15)).toBe(frame.epoch);
    expect([...bytes.subarray(body + 21, body + 23)]).toEqual([1, 2]);
    const entry = body + cameras + 28;
    expect([...bytes.subarray(entry, entry + 4)]).toEqual([1, 0, 5, 2]);
    expect([readU48(bytes, entry + 4), readU48(bytes, entry + 10)]).toEqual([2 ** 40 + 5, frame.pixelSequence]);
    const record = encodeRecord(frame).length;
    expect([16, 20, 24].map((at) => bytes.readUInt32LE(entry + at))).toEqual([9, 60_000, record]);
    const records = body + cameras + 56;
    expect(readStandard(bytes.subarray(records, records + record))).toHaveLength(14);
  });

  it('takes records that are there already, of whatever byte array', () => {
    const record = new Uint8Array(encodeRecord(frame));
    const bytes = encodeBatch({ capability: 'motion' }, [{ ...one, record }, one]);
    expect(bytes).toEqual(encodeBatch({ capability: 'motion' }, [one, one]));
  });

  it('lists a camera once, and again for another epoch, encoding or size', () => {
    const others: Partial<FrameDescriptor>[] = [
      {},
      { sequence: 9 },
      { epoch: 1 },
      { encoding: 'png' },
      { width: 320, height: 240 },
    ];
    const list = others.map((other) => ({ ...one, frame: { ...frame, ...other } }));
    expect(open(encodeBatch({ capability: 'motion' }, list)).cameras).toHaveLength(4);
  });

  it('expires a task by its age and the time since publish, and never without a limit', () => {
    const batch = open(
      encodeBatch({ capability: 'motion', elapsedMs: 3 }, [
        { frame: { ...frame, maxAgeMs: 20 }, ageMs: 7 },
        { frame: { ...frame, maxAgeMs: 0 }, ageMs: 7 },
      ]),
    );
    expect(batch.ageAtPublishMs(0)).toBe(10);
    expect([9, 10, 11].map((since) => batch.isExpired(0, since))).toEqual([false, true, true]);
    expect(batch.isExpired(1, 1e12)).toBe(false);
  });

  it('throws RangeError for frames it does not hold', () => {
    const batch = open(encodeBatch({ capability: 'motion' }, [one, one]));
    for (const i of [-1, 2, 1000, Number.NaN]) {
      for (const read of [
        () => seen(batch, i),
        () => batch.frame(i),
        () => batch.isExpired(i, 0),
        () => batch.cameraNumber(i),
      ])
        expect(read).toThrow(RangeError);
    }
  });
});

describe('encodeBatch refuses', () => {
  it.each([
    ['no frames', 'invalid_batch', {}, []],
    ['too many frames', 'invalid_batch', {}, Array.from({ length: MAX_FRAMES_PER_BATCH + 1 }, () => one)],
    ['a capability with a dot', 'invalid_name', { capability: 'a.b' }, [one]],
    ['a capability of 300 characters', 'invalid_name', { capability: 'a'.repeat(300) }, [one]],
    ['a dispatcher of 64 characters', 'invalid_name', { dispatcher: 'a'.repeat(64) }, [one]],
    ['a dispatcher beyond ASCII', 'invalid_name', { dispatcher: 'ö' }, [one]],
  ])('%s', (_, code, head, list) => {
    expect(() => encodeBatch({ capability: 'motion', ...head }, list)).toThrow(expect.objectContaining({ code }));
  });

  it.each<[string, string, Partial<FrameDescriptor>]>([
    ['a camera of 300 characters', 'invalid_name', { camera: 'c'.repeat(300) }],
    ['a camera with a wildcard', 'invalid_name', { camera: '*' }],
    ['priority 11', 'invalid_frame', { priority: 11 }],
    ['priority 256', 'invalid_frame', { priority: 256 }],
    ['priority -1', 'invalid_frame', { priority: -1 }],
    ['priority 2.5', 'invalid_frame', { priority: 2.5 }],
    ['sequence 0', 'invalid_frame', { sequence: 0 }],
    ['a sequence of 49 bits', 'invalid_frame', { sequence: 2 ** 48 }],
    ['a sequence that is no number', 'invalid_frame', { sequence: Number.NaN }],
    ['a negative pixel sequence', 'invalid_frame', { pixelSequence: -1 }],
    ['an epoch of 49 bits', 'invalid_frame', { epoch: 2 ** 48 }],
    ['a negative age', 'invalid_frame', { maxAgeMs: -1 }],
  ])('a frame with %s, also when its record is there already', (_, code, fault) => {
    const wrong = { ...frame, ...fault };
    for (const record of [undefined, encodeRecord(frame)]) {
      const item = { frame: wrong, ageMs: 0, ...(record === undefined ? {} : { record }) };
      expect(() => encodeBatch({ capability: 'motion' }, [item])).toThrow(expect.objectContaining({ code }));
    }
  });

  it('nothing at the bounds', () => {
    const long = 'x'.repeat(63);
    const list = Array.from({ length: MAX_FRAMES_PER_BATCH }, () => ({
      frame: { ...frame, camera: long, sequence: 2 ** 48 - 1, priority: 10 },
      ageMs: 1e12,
      attempt: 1000,
    }));
    const batch = open(encodeBatch({ capability: long, dispatcher: long, elapsedMs: -5 }, list));
    expect(seen(batch, MAX_FRAMES_PER_BATCH - 1)).toMatchObject({
      camera: long,
      sequence: 2 ** 48 - 1,
      attempt: 255,
      ageMs: 0xffff_ffff,
    });
    expect(batch.elapsedMs).toBe(0);
  });
});

describe('metadata', () => {
  /** Bytes a frame of a batch of 32 over 3 cameras. */
  function bytesPerFrame(change: Partial<FrameDescriptor>, name = (camera: number) => `entrance-${camera}`): number {
    const list = Array.from({ length: 32 }, (_, i) => ({
      frame: { ...frame, ...change, camera: name(i % 3), sequence: 1_000_000 + i },
      ageMs: 12,
    }));
    const [capability = ''] = list[0]?.frame.capabilities ?? [];
    const dispatcher = 'orchestrator-7f3a';
    return encodeBatch({ capability, dispatcher }, list).length / list.length;
  }

  it.each<[string, number, Partial<FrameDescriptor>, ((camera: number) => string)?]>([
    ['short names', 91, { capabilities: ['motion'] }, (i) => `cam${i}`],
    ['short names and trace context', 117, { capabilities: ['motion'], traceparent: TRACEPARENT }, (i) => `cam${i}`],
    ['usual names', 105, {}],
    ['longer names and two capabilities', 114, { capabilities: ['detect-person', 'ocr-plate'] }, (i) => `gate-no-${i}`],
  ])('takes at most 120 bytes a frame: %s, %d', (_, bytes, change, name) => {
    expect(Math.round(bytesPerFrame(change, name))).toBe(bytes);
    expect(bytesPerFrame(change, name)).toBeLessThanOrEqual(120);
  });

  it('takes 26 bytes more with a trace context, which can pass 120', () => {
    expect(bytesPerFrame({ traceparent: TRACEPARENT }) - bytesPerFrame({})).toBe(26);
  });
});

describe('a batch cut off', () => {
  it('is malformed, or its last frame is undecodable', () => {
    const bytes = encodeBatch({ capability: 'motion' }, [one, one]);
    // Without part of the last record it can still be forwarded: dispatching never looks there.
    const lastRecord = bytes.length - encodeRecord(frame).length;
    for (let end = 0; end < bytes.length; end++) {
      const opened = openBatch(bytes.subarray(0, end));
      if (end <= lastRecord) expect(opened, `${end} bytes`).toMatchObject({ ok: false, reason: 'malformed' });
      else expect(() => open(bytes.subarray(0, end)).frame(1), `${end} bytes`).toThrow(RangeError);
    }
  });
});
