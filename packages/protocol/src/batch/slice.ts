/**
 * Forwards a batch, whole or in part, by copying bytes: no record is decoded.
 *
 * The copy is written in this code's version; what a later version appended to index entries and records stays, unless a
 * slice cuts the index entries to the fields known here.
 */
import { InvalidInputError } from '../errors.ts';
import { ENCODINGS, SIZE_CLASSES } from '../frame.ts';
import { type BatchHeader, CameraTable, encodeHeader } from './encode.ts';
import { clampU8, HEADER_AT, INDEX_AT, INDEX_ENTRY_BYTES } from './layout.ts';
import type { BatchView } from './view.ts';

/**
 * The same frames behind a new header. `elapsedMs` and `generation` stay what they were where the new header does not say:
 * a task must not become younger by being forwarded. Throws `invalid_name`.
 */
export function withHeader(batch: BatchView, header: BatchHeader): Buffer {
  const copy = encodeHeader(inherit(batch, header), {
    cameraCount: batch.cameras.length,
    frameCount: batch.frameCount,
    index: batch.indexAt - batch.bodyAt,
    records: batch.recordsAt - batch.bodyAt,
    bodyBytes: batch.bytes.length - batch.bodyAt,
  });
  copy.writeUInt16LE(batch.indexEntryBytes, HEADER_AT.indexEntryBytes);
  batch.bytes.copy(copy, copy.readUInt16LE(HEADER_AT.headerBytes), batch.bodyAt);
  return copy;
}

export interface SliceOptions extends BatchHeader {
  /** Raises every frame's attempt by so many. */
  readonly raiseAttempt?: number;
}

/**
 * Frames `from` (inclusive) to `to` (exclusive), with only the cameras they need, in their order. The header as in
 * `withHeader`. Throws `invalid_batch` for a range that is empty or reaches outside the batch, and `invalid_name`.
 */
export function sliceBatch(batch: BatchView, from: number, to: number, options: SliceOptions): Buffer {
  if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from < to && to <= batch.frameCount)) {
    throw new InvalidInputError('batch', `frames ${from} to ${to} are no slice of a batch of ${batch.frameCount}`);
  }
  const whole = from === 0 && to === batch.frameCount && (options.raiseAttempt ?? 0) === 0;
  if (whole) return withHeader(batch, options);
  const cameras = new CameraTable();
  const numbers = new Map<number, number>();
  for (let i = from; i < to; i++) {
    const old = batch.cameraNumber(i);
    if (numbers.has(old)) continue;
    const { camera, epoch, encoding, sizeClass } = batch.cameraOf(i);
    numbers.set(
      old,
      cameras.add({ camera, epoch, encoding: ENCODINGS.indexOf(encoding), sizeClass: SIZE_CLASSES.indexOf(sizeClass) }),
    );
  }
  const frameCount = to - from;
  const indexBytes = frameCount * INDEX_ENTRY_BYTES;
  const firstRecord = batch.recordStart(from);
  const recordBytes = batch.recordStart(to) - firstRecord;
  const slice = encodeHeader(inherit(batch, options), {
    cameraCount: cameras.count,
    frameCount,
    index: cameras.bytes,
    records: cameras.bytes + indexBytes,
    bodyBytes: cameras.bytes + indexBytes + recordBytes,
  });
  const body = slice.readUInt16LE(HEADER_AT.headerBytes);
  cameras.writeTo(slice, body);
  let entry = body + cameras.bytes;
  for (let i = from; i < to; i++) {
    const source = batch.indexAt + i * batch.indexEntryBytes;
    batch.bytes.copy(slice, entry, source, source + INDEX_ENTRY_BYTES);
    slice.writeUInt16LE(numbers.get(batch.cameraNumber(i)) ?? 0, entry + INDEX_AT.camera);
    slice[entry + INDEX_AT.attempt] = clampU8(batch.attempt(i) + (options.raiseAttempt ?? 0));
    slice.writeUInt32LE(batch.recordStart(i) - firstRecord, entry + INDEX_AT.record);
    entry += INDEX_ENTRY_BYTES;
  }
  batch.bytes.copy(slice, entry, firstRecord, firstRecord + recordBytes);
  return slice;
}

function inherit(batch: BatchView, header: BatchHeader): BatchHeader {
  return {
    ...header,
    elapsedMs: header.elapsedMs ?? batch.elapsedMs,
    generation: header.generation ?? batch.generation,
  };
}
