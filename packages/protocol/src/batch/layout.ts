/**
 * The batch envelope, byte by byte. All integers are little-endian.
 *
 *   header   32 fixed bytes: 'F' 'B', u8 version, u8 zero, see HEADER_AT; then capability and dispatcher as (u8 length, ASCII)
 *   cameras  per camera: u8 name length, name, u48 epoch, u8 encoding, u8 size class
 *   index    per frame 28 bytes, see INDEX_AT
 *   records  per frame one MessagePack array, see record.ts
 *
 * Header: everything that dispatching changes on the way stands in the header, so that a batch is forwarded by writing a
 * new header in front of bytes that are copied, never decoded.
 *
 * Versions: a reader of version N reads N and N+1. A later version may lengthen the header and the index entries (their
 * sizes are in the header) and append fields to records; anything else needs N+2 and a fleet that reads N+1 first.
 */
export const MAGIC_0 = 0x46; // 'F'
export const MAGIC_1 = 0x42; // 'B'
export const VERSION = 1;
/** The newest version this code reads. */
export const READS_UP_TO = VERSION + 1;

export const HEADER_BYTES = 32;
export const HEADER_AT = {
  version: 2,
  /** u16: where the cameras begin. */
  headerBytes: 4,
  /** u16 */
  indexEntryBytes: 6,
  /** u16 */
  cameraCount: 8,
  /** u16 */
  frameCount: 10,
  /** u32: bytes from the end of the header to the index. */
  index: 12,
  /** u32: bytes from the end of the header to the records. */
  records: 16,
  /** u32 milliseconds that the frames spent in earlier queues, since their age was written. */
  elapsedMs: 20,
  /** u32 milliseconds after the broker's stamp before which the batch must not be dispatched (retry lane). */
  delayMs: 24,
  /** u32: 0 for tasks as captured; reprocessing counts up. */
  generation: 28,
} as const;

export const INDEX_ENTRY_BYTES = 28;
export const INDEX_AT = {
  /** u16: place in the table of cameras. */
  camera: 0,
  /** u8 */
  priority: 2,
  /** u8: 0 for the first attempt. */
  attempt: 3,
  /** u48 */
  sequence: 4,
  /** u48: sequence in PIXELS, 0 for none. */
  pixelSequence: 10,
  /** u32 milliseconds since capture, at publish. */
  ageMs: 16,
  /** u32 milliseconds from capture to expiry, 0 for never. */
  maxAgeMs: 20,
  /** u32: bytes from the beginning of the records. */
  record: 24,
} as const;

export const MAX_FRAMES_PER_BATCH = 1024;
/** Where a writer begins the next batch. Readers do not insist: the broker's `max_payload` is the hard bound. */
export const MAX_BATCH_BYTES = 512 * 1024;

const TWO_32 = 0x1_0000_0000;

export function readU48(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt16LE(at + 4) * TWO_32;
}

export function writeU48(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % TWO_32, at);
  bytes.writeUInt16LE(Math.floor(value / TWO_32), at + 4);
}

/** Attempts are counted to 255 and stay there. */
export function clampU8(value: number): number {
  return Math.max(0, Math.min(0xff, Math.round(value)));
}

export function clampU32(value: number): number {
  return Math.max(0, Math.min(0xffff_ffff, Math.round(value)));
}
