/**
 * The frame descriptor: what is known of a captured picture without its pixels.
 *
 * A frame is identified by camera, epoch and sequence. The epoch is a number of milliseconds that only grows; it changes when
 * a camera changes owner or its gateway restarts. Sequences count from 1 within an epoch.
 */
import { z } from 'zod';
import { InvalidInputError } from './errors.ts';
import { isToken, tokenSchema } from './names.ts';

/** Order is the wire's: an encoding's number is its place in this list. Appended to only, in a version N+2: N cannot read it. */
export const ENCODINGS = ['none', 'jpeg', 'rgb24', 'gray8', 'png'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** Resolution classes by pixel count, for constraints that must not decode a record. Order is the wire's, as above. */
export const SIZE_CLASSES = ['none', 'sd', 'hd', 'full-hd', 'uhd', 'larger'] as const;
export type SizeClass = (typeof SIZE_CLASSES)[number];

export function sizeClassOf(width: number, height: number): SizeClass {
  const pixels = width * height;
  if (pixels === 0) return 'none';
  if (pixels <= 768 * 576) return 'sd';
  if (pixels <= 1280 * 720) return 'hd';
  if (pixels <= 1920 * 1088) return 'full-hd';
  return pixels <= 3840 * 2160 ? 'uhd' : 'larger';
}

/** Epochs and sequences are 48 bits on the wire. */
export const MAX_U48 = 2 ** 48 - 1;
/** Bytes of JSON (UTF-8) that a frame's free attributes may take. */
export const MAX_ATTRIBUTES_BYTES = 1024;
export const MAX_CAPABILITIES = 16;
/** Above this a picture is refused by gateways and decoders alike. Source: capture-facts, decoding of hostile headers. */
export const MAX_PICTURE_PIXELS = 50_000_000;

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface FrameDescriptor {
  readonly camera: string;
  /** Milliseconds; grows with every change of owner. */
  readonly epoch: number;
  /** From 1 within the epoch. */
  readonly sequence: number;
  /** Wall clock at arrival, milliseconds since 1970 with fraction. Never used for deadlines. */
  readonly capturedAtMs: number;
  readonly width: number;
  readonly height: number;
  readonly encoding: Encoding;
  /** Bytes of the picture as stored. */
  readonly byteSize: number;
  /** Sequence in PIXELS, 0 when the frame has no picture. */
  readonly pixelSequence: number;
  /** Capabilities asked for; each makes one task. */
  readonly capabilities: readonly string[];
  /** 0 to 10, 10 the most urgent. */
  readonly priority: number;
  /** Milliseconds a task may live, from capture; 0 means without limit. */
  readonly maxAgeMs: number;
  /** W3C trace context, `00-<trace>-<span>-<flags>`. */
  readonly traceparent?: string;
  readonly attributes?: Attributes;
}

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Free attributes of a frame: flat, and bounded. */
export const attributesSchema = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .check((context) => {
    const message = attributesFault(context.value) ?? attributesSizeFault(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', input: context.value, message });
  });

export const frameDescriptorSchema = z.object({
  camera: tokenSchema('camera'),
  epoch: z.int().min(0).max(MAX_U48),
  sequence: z.int().min(1).max(MAX_U48),
  capturedAtMs: z.number().min(0),
  width: z.int().min(0).max(65_535),
  height: z.int().min(0).max(65_535),
  encoding: z.enum(ENCODINGS),
  byteSize: z.int().min(0),
  pixelSequence: z.int().min(0).max(MAX_U48),
  capabilities: capabilitiesSchema('a frame'),
  priority: z.int().min(0).max(10),
  maxAgeMs: z.int().min(0).max(0xffff_ffff),
  traceparent: z.string().regex(TRACEPARENT).optional(),
  attributes: attributesSchema.optional(),
});

/** 1 to 16 different names; a capability named twice would make two tasks of one frame that nobody can tell apart. */
export function capabilitiesSchema(owner: string) {
  const missing = `${owner} names at least one capability: capabilities is a list such as ["detect-person"]`;
  return z
    .array(tokenSchema('capability'), { error: missing })
    .min(1, { error: missing })
    .max(MAX_CAPABILITIES, { error: `${owner} names at most ${MAX_CAPABILITIES} capabilities` })
    .refine((names) => new Set(names).size === names.length, { error: 'a capability is named twice' });
}

/**
 * What is wrong with a descriptor, or undefined. The rules of `frameDescriptorSchema` without zod, for the hot path: both
 * ends of the wire apply them to every record. What the writer alone checks: trace context and size of the attributes.
 */
export function descriptorFault(frame: FrameDescriptor): string | undefined {
  if (!isToken(frame.camera)) return 'the camera is no name';
  if (!isWhole(frame.epoch, 0, MAX_U48)) return 'the epoch is no number of 48 bits';
  if (!isWhole(frame.sequence, 1, MAX_U48)) return 'the sequence is no number of 48 bits from 1';
  if (!isWhole(frame.pixelSequence, 0, MAX_U48)) return 'the pixel sequence is no number of 48 bits';
  if (!Number.isFinite(frame.capturedAtMs) || frame.capturedAtMs < 0) return 'the capture time is no time';
  if (!isWhole(frame.width, 0, 65_535) || !isWhole(frame.height, 0, 65_535)) return 'width or height is not 0 to 65535';
  if (!ENCODINGS.includes(frame.encoding)) return 'the encoding is not known';
  if (!isWhole(frame.byteSize, 0, Number.MAX_SAFE_INTEGER)) return 'the byte size is no size';
  if (!isWhole(frame.priority, 0, 10)) return 'the priority is not 0 to 10';
  if (!isWhole(frame.maxAgeMs, 0, 0xffff_ffff)) return 'the longest age is no number of 32 bits';
  const { capabilities, attributes } = frame;
  if (!Array.isArray(capabilities) || capabilities.length === 0 || capabilities.length > MAX_CAPABILITIES)
    return `it does not name 1 to ${MAX_CAPABILITIES} capabilities`;
  for (const capability of capabilities) if (!isToken(capability)) return 'a capability is no name';
  return attributes === undefined ? undefined : attributesFault(attributes);
}

export function isTraceparent(text: string): boolean {
  return typeof text === 'string' && TRACEPARENT.test(text);
}

export function attributesFault(attributes: unknown): string | undefined {
  if (
    attributes === null ||
    typeof attributes !== 'object' ||
    Array.isArray(attributes) ||
    ArrayBuffer.isView(attributes)
  )
    return 'attributes are no map';
  for (const [name, value] of Object.entries(attributes)) {
    if (name === '__proto__') return 'no attribute may be called __proto__';
    if (typeof value !== 'string' && typeof value !== 'boolean' && !Number.isFinite(value))
      return 'attributes are strings, finite numbers and booleans';
  }
  return undefined;
}

export function attributesSizeFault(attributes: Attributes): string | undefined {
  if (Buffer.byteLength(JSON.stringify(attributes)) <= MAX_ATTRIBUTES_BYTES) return undefined;
  return `attributes may take at most ${MAX_ATTRIBUTES_BYTES} bytes of JSON`;
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

export interface FrameIdentity {
  readonly camera: string;
  readonly epoch: number;
  readonly sequence: number;
}

/** `<camera>.<epoch>.<sequence>`: names hold no dots, so this is unambiguous. */
export function frameId(frame: FrameIdentity): string {
  return `${frame.camera}.${frame.epoch}.${frame.sequence}`;
}

// Plain decimals: one frame has one id. 48 bits have 15 digits at most.
const FRAME_ID = /^([a-z0-9][a-z0-9-]{0,62})\.(0|[1-9]\d{0,14})\.([1-9]\d{0,14})$/;

/** Throws `invalid_frame_id`. */
export function parseFrameId(id: string): FrameIdentity {
  const match = FRAME_ID.exec(id);
  if (match === null) {
    throw new InvalidInputError(
      'frame_id',
      `${JSON.stringify(id.slice(0, 100))} is no frame id: use <camera>.<epoch>.<sequence>`,
    );
  }
  const [, camera = '', epoch, sequence] = match;
  return { camera, epoch: Number(epoch), sequence: Number(sequence) };
}
