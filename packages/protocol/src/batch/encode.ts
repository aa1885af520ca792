/** Builds a batch from descriptors. The gateway does this once a frame and capability; nobody re-encodes later. */

import { InvalidInputError } from '../errors.ts';
import { ENCODINGS, type FrameDescriptor, MAX_U48, SIZE_CLASSES, sizeClassOf } from '../frame.ts';
import { assertToken } from '../names.ts';
import {
  clampU8,
  clampU32,
  HEADER_AT,
  HEADER_BYTES,
  INDEX_AT,
  INDEX_ENTRY_BYTES,
  MAGIC_0,
  MAGIC_1,
  MAX_FRAMES_PER_BATCH,
  VERSION,
  writeU48,
} from './layout.ts';
import { encodeRecord } from './record.ts';

export interface BatchItem {
  readonly frame: FrameDescriptor;
  /** Milliseconds since capture, by the gateway's monotonic clock, at the moment of encoding. */
  readonly ageMs: number;
  /** 0 for the first attempt. */
  readonly attempt?: number;
  /** The record, where it is already there: one frame makes several tasks. */
  readonly record?: Uint8Array;
}

export interface BatchHeader {
  readonly capability: string;
  /** The orchestrator that dispatched the batch; empty in FRAMES. */
  readonly dispatcher?: string;
  readonly elapsedMs?: number;
  readonly delayMs?: number;
  readonly generation?: number;
}

/**
 * The batch holds the frames in the order given. Throws `invalid_batch` for no frames or too many, `invalid_name` for a
 * capability, dispatcher or camera that is no name, `invalid_frame` and `invalid_attributes` for a descriptor beyond its bounds.
 */
export function encodeBatch(header: BatchHeader, items: readonly BatchItem[]): Buffer {
  if (items.length === 0 || items.length > MAX_FRAMES_PER_BATCH) {
    throw new InvalidInputError('batch', `a batch holds 1 to ${MAX_FRAMES_PER_BATCH} frames, not ${items.length}`);
  }
  const cameras = new CameraTable();
  const numbers = items.map(({ frame }) => cameras.numberOf(frame));
  // With a record at hand the descriptor was checked when that was made; what the index holds is checked all the same.
  for (const { frame } of items) assertIndexable(frame);
  const records = items.map((item) => item.record ?? encodeRecord(item.frame));
  const recordBytes = records.reduce((sum, record) => sum + record.length, 0);
  const indexBytes = items.length * INDEX_ENTRY_BYTES;
  const batch = encodeHeader(header, {
    cameraCount: cameras.count,
    frameCount: items.length,
    index: cameras.bytes,
    records: cameras.bytes + indexBytes,
    bodyBytes: cameras.bytes + indexBytes + recordBytes,
  });
  const body = batch.readUInt16LE(HEADER_AT.headerBytes);
  cameras.writeTo(batch, body);
  let entry = body + cameras.bytes;
  let record = 0;
  for (const [i, { frame, ageMs, attempt }] of items.entries()) {
    batch.writeUInt16LE(numbers[i] ?? 0, entry + INDEX_AT.camera);
    batch.writeUInt8(frame.priority, entry + INDEX_AT.priority);
    batch[entry + INDEX_AT.attempt] = clampU8(attempt ?? 0);
    writeU48(batch, frame.sequence, entry + INDEX_AT.sequence);
    writeU48(batch, frame.pixelSequence, entry + INDEX_AT.pixelSequence);
    batch.writeUInt32LE(clampU32(ageMs), entry + INDEX_AT.ageMs);
    batch.writeUInt32LE(clampU32(frame.maxAgeMs), entry + INDEX_AT.maxAgeMs);
    batch.writeUInt32LE(record, entry + INDEX_AT.record);
    const bytes = records[i];
    if (bytes !== undefined) batch.set(bytes, body + cameras.bytes + indexBytes + record);
    record += bytes?.length ?? 0;
    entry += INDEX_ENTRY_BYTES;
  }
  return batch;
}

export interface BodyShape {
  readonly cameraCount: number;
  readonly frameCount: number;
  readonly index: number;
  readonly records: number;
  readonly bodyBytes: number;
}

/** A buffer with the header written and room for a body of the given shape. Throws `invalid_name`. */
export function encodeHeader(header: BatchHeader, shape: BodyShape): Buffer {
  const dispatcher = header.dispatcher ?? '';
  assertToken('capability', header.capability);
  if (dispatcher !== '') assertToken('dispatcher', dispatcher);
  const headerBytes = HEADER_BYTES + 2 + header.capability.length + dispatcher.length;
  const batch = Buffer.allocUnsafe(headerBytes + shape.bodyBytes);
  batch[0] = MAGIC_0;
  batch[1] = MAGIC_1;
  batch[HEADER_AT.version] = VERSION;
  batch[HEADER_AT.version + 1] = 0;
  batch.writeUInt16LE(headerBytes, HEADER_AT.headerBytes);
  batch.writeUInt16LE(INDEX_ENTRY_BYTES, HEADER_AT.indexEntryBytes);
  batch.writeUInt16LE(shape.cameraCount, HEADER_AT.cameraCount);
  batch.writeUInt16LE(shape.frameCount, HEADER_AT.frameCount);
  batch.writeUInt32LE(shape.index, HEADER_AT.index);
  batch.writeUInt32LE(shape.records, HEADER_AT.records);
  batch.writeUInt32LE(clampU32(header.elapsedMs ?? 0), HEADER_AT.elapsedMs);
  batch.writeUInt32LE(clampU32(header.delayMs ?? 0), HEADER_AT.delayMs);
  batch.writeUInt32LE(clampU32(header.generation ?? 0), HEADER_AT.generation);
  let at = HEADER_BYTES;
  for (const text of [header.capability, dispatcher]) {
    batch[at] = text.length;
    batch.write(text, at + 1, 'latin1');
    at += 1 + text.length;
  }
  return batch;
}

export interface TableEntry {
  readonly camera: string;
  readonly epoch: number;
  readonly encoding: number;
  readonly sizeClass: number;
}

/** Cameras of a batch in order of appearance; a camera that changes epoch, encoding or size class has several entries. */
export class CameraTable {
  readonly #numbers = new Map<string, number>();
  readonly #entries: TableEntry[] = [];
  bytes = 0;

  get count(): number {
    return this.#entries.length;
  }

  numberOf(frame: FrameDescriptor): number {
    return this.add({
      camera: frame.camera,
      epoch: frame.epoch,
      encoding: ENCODINGS.indexOf(frame.encoding),
      sizeClass: SIZE_CLASSES.indexOf(sizeClassOf(frame.width, frame.height)),
    });
  }

  add(entry: TableEntry): number {
    const key = `${entry.camera}.${entry.epoch}.${entry.encoding}.${entry.sizeClass}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    assertToken('camera', entry.camera);
    const number = this.#entries.length;
    this.#numbers.set(key, number);
    this.#entries.push(entry);
    this.bytes += 9 + entry.camera.length;
    return number;
  }

  writeTo(batch: Buffer, at: number): void {
    let next = at;
    for (const { camera, epoch, encoding, sizeClass } of this.#entries) {
      batch[next] = camera.length;
      batch.write(camera, next + 1, 'latin1');
      next += 1 + camera.length;
      writeU48(batch, epoch, next);
      batch[next + 6] = encoding;
      batch[next + 7] = sizeClass;
      next += 8;
    }
  }
}

function assertIndexable({ camera, epoch, sequence, pixelSequence, priority, maxAgeMs }: FrameDescriptor): void {
  const fits = isU48(epoch) && isU48(sequence) && isU48(pixelSequence) && sequence > 0;
  if (fits && Number.isInteger(priority) && priority >= 0 && priority <= 10 && maxAgeMs >= 0) return;
  throw new InvalidInputError(
    'frame',
    `a frame of ${camera} has an epoch, sequence, priority or age beyond its bounds`,
  );
}

function isU48(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_U48;
}
