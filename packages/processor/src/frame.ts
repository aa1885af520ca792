/**
 * A frame as a handler sees it: descriptor, age, and the picture on demand.
 *
 *   F1  The picture is fetched when asked for, once, whatever the number of callers.
 *   F2  The picture is this frame's: another one that took its place in the store counts as evicted.
 *   F3  Age is counted by monotonic clocks and the broker's stamps; no two clocks are compared.
 */
import type { PixelReader } from '@frame-buffer/jetstream';
import {
  type Attributes,
  type Encoding,
  FrameBufferError,
  type FrameDescriptor,
  frameId,
  HEADER,
  unpackPixels,
} from '@frame-buffer/protocol';
import type { Task } from './intake/task.ts';

export interface Frame {
  /** `<camera>.<epoch>.<sequence>` */
  readonly id: string;
  readonly camera: string;
  /** Grows whenever the camera changes owner or its gateway restarts; sequences begin anew. */
  readonly epoch: number;
  /** From 1 within the epoch. Frames may arrive out of order. */
  readonly sequence: number;
  /** Wall clock of the gateway, for people. For ages use `ageMs()`. */
  readonly capturedAt: Date;
  readonly width: number;
  readonly height: number;
  readonly encoding: Encoding;
  /** Bytes of the picture as stored; 0 without picture. */
  readonly byteSize: number;
  /** 0 to 10, 10 the most urgent. */
  readonly priority: number;
  readonly attributes: Attributes;
  /** What is asked for here. */
  readonly capability: string;
  /** 0 for the first attempt. */
  readonly attempt: number;
  /** W3C trace context, where the frame has one. */
  readonly traceparent: string | undefined;
  /** Aborted when the call has taken too long, or the instance cannot wait for it any longer. */
  readonly signal: AbortSignal;
  /** Milliseconds since capture. */
  ageMs(): number;
  /** Milliseconds since the frame was put into this processor's queue. */
  queuedMs(): number;
  /**
   * The picture's bytes in its `encoding`; raw ones are decompressed. The same bytes for every caller: do not change them.
   * Rejects with a `FrameBufferError`: `pixels_evicted` (it has aged out), `pixels_absent` (the frame has none),
   * `pixels_damaged`, `pixels_unavailable` (the broker does not answer; the frame is tried again when it fails by that).
   */
  pixels(): Promise<Uint8Array>;
}

/** How the fetching of a frame's picture stands. */
export type PictureState = 'untouched' | 'waiting' | 'here' | 'evicted' | 'unavailable' | 'damaged';

const NO_ATTRIBUTES: Attributes = Object.freeze({});

export interface FrameSources {
  readonly pixels: PixelReader;
  /** Milliseconds since a stamp of the broker. */
  readonly sinceMs: (stampedAtMs: number) => number;
}

export class FrameInHand implements Frame {
  readonly task: Task;
  picture: PictureState = 'untouched';
  readonly #descriptor: FrameDescriptor;
  readonly #sources: FrameSources;
  #pixels: Promise<Uint8Array> | undefined;
  #abort: AbortController | undefined;
  #aborted: unknown;

  /** Throws `RangeError` when the frame's record is damaged. */
  constructor(task: Task, sources: FrameSources) {
    this.task = task;
    this.#descriptor = task.batch.frame(task.index);
    this.#sources = sources;
  }

  get id(): string {
    return frameId(this.#descriptor);
  }

  get camera(): string {
    return this.#descriptor.camera;
  }

  get epoch(): number {
    return this.#descriptor.epoch;
  }

  get sequence(): number {
    return this.#descriptor.sequence;
  }

  get capturedAt(): Date {
    return new Date(this.#descriptor.capturedAtMs);
  }

  get width(): number {
    return this.#descriptor.width;
  }

  get height(): number {
    return this.#descriptor.height;
  }

  get encoding(): Encoding {
    return this.#descriptor.encoding;
  }

  get byteSize(): number {
    return this.#descriptor.byteSize;
  }

  get priority(): number {
    return this.#descriptor.priority;
  }

  get attributes(): Attributes {
    return this.#descriptor.attributes ?? NO_ATTRIBUTES;
  }

  get traceparent(): string | undefined {
    return this.#descriptor.traceparent;
  }

  get capability(): string {
    return this.task.batch.capability;
  }

  get attempt(): number {
    return this.task.batch.attempt(this.task.index);
  }

  /** Made on demand: most handlers never ask. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#aborted !== undefined) this.#abort.abort(this.#aborted);
    }
    return this.#abort.signal;
  }

  ageMs(): number {
    const { batch, index, message } = this.task;
    return batch.ageAtPublishMs(index) + this.#sources.sinceMs(message.stampedAtMs);
  }

  queuedMs(): number {
    return this.#sources.sinceMs(this.task.message.stampedAtMs);
  }

  pixels(): Promise<Uint8Array> {
    if (this.#pixels !== undefined) return this.#pixels;
    const fetching = this.#fetch();
    this.#pixels = fetching;
    // A handler that fails before it looks at the picture must not take the process with it.
    fetching.catch(() => undefined);
    return fetching;
  }

  abort(reason: FrameBufferError): void {
    this.#aborted ??= reason;
    this.#abort?.abort(reason);
  }

  async #fetch(): Promise<Uint8Array> {
    const { pixelSequence, byteSize } = this.#descriptor;
    if (pixelSequence === 0) throw new FrameBufferError('pixels_absent', `frame ${this.id} has no picture`);
    this.picture = 'waiting';
    try {
      const { bytes, headers } = await this.#sources.pixels.get(pixelSequence, byteSize);
      const owner = headers.get(HEADER.frame);
      if (owner !== undefined && owner !== this.id)
        throw new FrameBufferError('pixels_evicted', `the picture's place is taken by that of ${owner}`);
      const compression = headers.get(HEADER.compression) === 'lz4' ? 'lz4' : 'none';
      const picture = unpackPixels(bytes, this.#descriptor, compression);
      this.picture = 'here';
      return picture;
    } catch (error) {
      this.picture = pictureStateAfter(error);
      // What may succeed later may be asked for again.
      if (this.picture === 'unavailable') this.#pixels = undefined;
      throw error;
    }
  }
}

function pictureStateAfter(error: unknown): PictureState {
  if (!(error instanceof FrameBufferError)) return 'damaged';
  if (error.code === 'pixels_evicted') return 'evicted';
  return error.retryable ? 'unavailable' : 'damaged';
}
