/**
 * Reads a batch in place. `openBatch` checks header, table and index once, so that every accessor is safe afterwards;
 * records are decoded one by one, on demand, and never by an orchestrator.
 */
import { ENCODINGS, type Encoding, type FrameDescriptor, SIZE_CLASSES, type SizeClass } from '../frame.ts';
import { isToken } from '../names.ts';
import {
  HEADER_AT,
  HEADER_BYTES,
  INDEX_AT,
  INDEX_ENTRY_BYTES,
  MAGIC_0,
  MAGIC_1,
  MAX_FRAMES_PER_BATCH,
  READS_UP_TO,
  readU48,
} from './layout.ts';
import { decodeRecord } from './record.ts';

export interface BatchCamera {
  readonly camera: string;
  readonly epoch: number;
  readonly encoding: Encoding;
  readonly sizeClass: SizeClass;
}

/**
 * `malformed`: no batch, or a damaged one; it can never be read.
 * `unsupported_version`: a newer writer's; hold it (nak with delay) and raise an alarm, an upgrade will read it.
 */
export type OpenedBatch =
  | { readonly ok: true; readonly batch: BatchView }
  | { readonly ok: false; readonly reason: 'malformed' | 'unsupported_version'; readonly detail: string };

/** Never throws. The view reads from the bytes given, which must stay as they are. */
export function openBatch(bytes: Uint8Array): OpenedBatch {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = buffer[HEADER_AT.version];
  if (version === undefined || buffer[0] !== MAGIC_0 || buffer[1] !== MAGIC_1) {
    return malformed(`${buffer.length} bytes that do not begin with the batch mark "FB"`);
  }
  // Before anything else: of what a later version looks like, mark and version are all that is certain.
  if (version > READS_UP_TO) {
    return {
      ok: false,
      reason: 'unsupported_version',
      detail: `version ${version}; this reader knows up to ${READS_UP_TO}`,
    };
  }
  if (version === 0) return malformed('version 0');
  if (buffer.length < HEADER_BYTES + 2) return malformed(`a header cut off after ${buffer.length} bytes`);
  try {
    return { ok: true, batch: new BatchView(buffer) };
  } catch (error) {
    if (error instanceof RangeError) return malformed(error.message);
    throw error;
  }
}

function malformed(detail: string): OpenedBatch {
  return { ok: false, reason: 'malformed', detail };
}

/** Accessors take `i` from 0 to `frameCount - 1`; `RangeError` beyond. */
export class BatchView {
  readonly bytes: Buffer;
  readonly capability: string;
  /** The orchestrator that dispatched it; empty in FRAMES. */
  readonly dispatcher: string;
  readonly frameCount: number;
  readonly cameras: readonly BatchCamera[];
  readonly elapsedMs: number;
  readonly delayMs: number;
  readonly generation: number;
  /** Offsets for slicing. */
  readonly bodyAt: number;
  readonly indexAt: number;
  readonly recordsAt: number;
  readonly indexEntryBytes: number;

  /** Throws `RangeError`; use `openBatch`. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.bodyAt = bytes.readUInt16LE(HEADER_AT.headerBytes);
    this.indexEntryBytes = bytes.readUInt16LE(HEADER_AT.indexEntryBytes);
    this.frameCount = bytes.readUInt16LE(HEADER_AT.frameCount);
    this.indexAt = this.bodyAt + bytes.readUInt32LE(HEADER_AT.index);
    this.recordsAt = this.bodyAt + bytes.readUInt32LE(HEADER_AT.records);
    this.elapsedMs = bytes.readUInt32LE(HEADER_AT.elapsedMs);
    this.delayMs = bytes.readUInt32LE(HEADER_AT.delayMs);
    this.generation = bytes.readUInt32LE(HEADER_AT.generation);
    if (this.frameCount === 0 || this.frameCount > MAX_FRAMES_PER_BATCH)
      throw new RangeError(`${this.frameCount} frames`);
    if (this.indexEntryBytes < INDEX_ENTRY_BYTES || this.bodyAt < HEADER_BYTES + 2)
      throw new RangeError('sizes too small');
    if (this.indexAt + this.frameCount * this.indexEntryBytes > this.recordsAt || this.recordsAt > bytes.length) {
      throw new RangeError('index or records lie outside the message');
    }
    const capabilityBytes = bytes.readUInt8(HEADER_BYTES);
    const dispatcherAt = HEADER_BYTES + 1 + capabilityBytes;
    const dispatcherBytes = bytes.readUInt8(dispatcherAt);
    if (dispatcherAt + 1 + dispatcherBytes > this.bodyAt) throw new RangeError('names lie outside the header');
    this.capability = bytes.toString('latin1', HEADER_BYTES + 1, dispatcherAt);
    this.dispatcher = bytes.toString('latin1', dispatcherAt + 1, dispatcherAt + 1 + dispatcherBytes);
    if (!isToken(this.capability)) throw new RangeError('the capability is no name');
    if (this.dispatcher !== '' && !isToken(this.dispatcher)) throw new RangeError('the dispatcher is no name');
    this.cameras = this.#readCameras(bytes.readUInt16LE(HEADER_AT.cameraCount));
    this.#checkIndex();
  }

  cameraOf(i: number): BatchCamera {
    const camera = this.cameras[this.cameraNumber(i)];
    if (camera === undefined) throw new RangeError(`frame ${i} names an unknown camera`);
    return camera;
  }

  cameraNumber(i: number): number {
    return this.bytes.readUInt16LE(this.#entry(i) + INDEX_AT.camera);
  }

  priority(i: number): number {
    return this.bytes.readUInt8(this.#entry(i) + INDEX_AT.priority);
  }

  attempt(i: number): number {
    return this.bytes.readUInt8(this.#entry(i) + INDEX_AT.attempt);
  }

  sequence(i: number): number {
    return readU48(this.bytes, this.#entry(i) + INDEX_AT.sequence);
  }

  pixelSequence(i: number): number {
    return readU48(this.bytes, this.#entry(i) + INDEX_AT.pixelSequence);
  }

  maxAgeMs(i: number): number {
    return this.bytes.readUInt32LE(this.#entry(i) + INDEX_AT.maxAgeMs);
  }

  /** Milliseconds since capture when this message was published. */
  ageAtPublishMs(i: number): number {
    return this.bytes.readUInt32LE(this.#entry(i) + INDEX_AT.ageMs) + this.elapsedMs;
  }

  /** Has the task outlived its deadline, `sincePublishMs` after the broker stamped this message? */
  isExpired(i: number, sincePublishMs: number): boolean {
    const maxAgeMs = this.maxAgeMs(i);
    return maxAgeMs > 0 && this.ageAtPublishMs(i) + sincePublishMs >= maxAgeMs;
  }

  /** The record's bytes, undecoded. */
  recordBytes(i: number): Buffer {
    return this.bytes.subarray(this.recordStart(i), this.recordStart(i + 1));
  }

  /** Where record `i` begins; for `i === frameCount` the end of the last. */
  recordStart(i: number): number {
    if (i === this.frameCount) return this.bytes.length;
    return this.recordsAt + this.bytes.readUInt32LE(this.#entry(i) + INDEX_AT.record);
  }

  /** Decodes one frame. Throws `RangeError` when the record is damaged. */
  frame(i: number): FrameDescriptor {
    return decodeRecord(this.recordBytes(i));
  }

  #entry(i: number): number {
    // A wrong number would read another field as if it were the index.
    if (!(i >= 0 && i < this.frameCount)) throw new RangeError(`frame ${i} is not in the batch`);
    return this.indexAt + i * this.indexEntryBytes;
  }

  #readCameras(count: number): BatchCamera[] {
    const cameras: BatchCamera[] = [];
    let at = this.bodyAt;
    for (let c = 0; c < count; c++) {
      const nameBytes = this.bytes.readUInt8(at);
      const after = at + 1 + nameBytes;
      if (after + 8 > this.indexAt) throw new RangeError('the table of cameras reaches into the index');
      const camera = this.bytes.toString('latin1', at + 1, after);
      const encoding = ENCODINGS[this.bytes.readUInt8(after + 6)];
      const sizeClass = SIZE_CLASSES[this.bytes.readUInt8(after + 7)];
      if (!isToken(camera) || encoding === undefined || sizeClass === undefined)
        throw new RangeError(`camera ${c} is damaged`);
      cameras.push({ camera, epoch: readU48(this.bytes, after), encoding, sizeClass });
      at = after + 8;
    }
    return cameras;
  }

  #checkIndex(): void {
    let previous = this.recordsAt;
    for (let i = 0; i < this.frameCount; i++) {
      if (this.cameraNumber(i) >= this.cameras.length) throw new RangeError(`frame ${i} names an unknown camera`);
      const start = this.recordStart(i);
      if (start < previous || start >= this.bytes.length) throw new RangeError(`record ${i} lies outside the message`);
      previous = start;
    }
  }
}
