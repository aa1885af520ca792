/**
 * The record of one frame in a batch: a MessagePack array in a fixed order, self-contained, 60 to 105 bytes as a rule.
 * Fields may be appended in a later version; readers ignore what they do not know.
 */
import { InvalidInputError } from '../errors.ts';
import {
  type Attributes,
  attributesSizeFault,
  descriptorFault,
  ENCODINGS,
  type Encoding,
  type FrameDescriptor,
  isTraceparent,
} from '../frame.ts';
import { pack, unpack } from '../messagepack.ts';

const RECORD_FIELDS = 14;
const TRACE_BYTES = 25;

/** Throws `invalid_frame` and `invalid_attributes` for a descriptor beyond its bounds: a reader would refuse it. */
export function encodeRecord(frame: FrameDescriptor): Buffer {
  const fault = descriptorFault(frame);
  if (fault !== undefined) throw new InvalidInputError('frame', `a frame cannot be encoded: ${fault}`);
  const tooLarge = frame.attributes === undefined ? undefined : attributesSizeFault(frame.attributes);
  if (tooLarge !== undefined) throw new InvalidInputError('attributes', tooLarge);
  if (frame.traceparent !== undefined && !isTraceparent(frame.traceparent)) {
    throw new InvalidInputError(
      'frame',
      'a frame cannot be encoded: its trace context is not 00-<trace>-<span>-<flags>',
    );
  }
  return pack([
    frame.camera,
    frame.epoch,
    frame.sequence,
    frame.capturedAtMs,
    frame.width,
    frame.height,
    ENCODINGS.indexOf(frame.encoding),
    frame.byteSize,
    frame.pixelSequence,
    frame.capabilities,
    frame.priority,
    frame.maxAgeMs,
    frame.traceparent === undefined ? null : packTrace(frame.traceparent),
    frame.attributes ?? null,
  ]);
}

/**
 * The same descriptor that was encoded; every field is checked. Throws `RangeError` when the bytes are no record, and
 * nothing else; batch readers turn that into a dead letter (`undecodable`).
 */
export function decodeRecord(bytes: Uint8Array): FrameDescriptor {
  const fields = unpack(bytes);
  if (!Array.isArray(fields) || fields.length < RECORD_FIELDS) {
    throw new RangeError(`a frame record is an array of ${RECORD_FIELDS} fields`);
  }
  const trace: unknown = fields[12];
  const attributes: unknown = fields[13];
  // Typed here, checked below: one check serves both ends.
  const frame: Mutable<FrameDescriptor> = {
    camera: fields[0] as string,
    epoch: fields[1] as number,
    sequence: fields[2] as number,
    capturedAtMs: fields[3] as number,
    width: fields[4] as number,
    height: fields[5] as number,
    encoding: encodingOf(fields[6]) as Encoding,
    byteSize: fields[7] as number,
    pixelSequence: fields[8] as number,
    capabilities: fields[9] as string[],
    priority: fields[10] as number,
    maxAgeMs: fields[11] as number,
  };
  if (trace !== null) frame.traceparent = unpackTrace(trace);
  if (attributes !== null) frame.attributes = attributes as Attributes;
  const fault = descriptorFault(frame);
  if (fault !== undefined) throw new RangeError(`a frame record is damaged: ${fault}`);
  return frame;
}

function encodingOf(number: unknown): Encoding | undefined {
  return typeof number === 'number' ? ENCODINGS[number] : undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** 55 characters of W3C trace context as 25 bytes. */
function packTrace(traceparent: string): Buffer {
  return Buffer.from(traceparent.slice(3, 35) + traceparent.slice(36, 52) + traceparent.slice(53), 'hex');
}

function unpackTrace(trace: unknown): string {
  if (!(trace instanceof Uint8Array) || trace.length !== TRACE_BYTES) {
    throw new RangeError(`a trace context is ${TRACE_BYTES} bytes`);
  }
  const hex = Buffer.from(trace.buffer, trace.byteOffset, trace.length).toString('hex');
  return `00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-${hex.slice(48)}`;
}
