/**
 * From captured frames to stored ones: the buffer, then the picture into PIXELS, then one task per capability into its lane.
 *
 *   I1  A camera is never held up: `offer` returns at once, whatever the broker does.
 *   I2  Memory is bounded: the buffer's bounds, and `MAX_STORING` pictures of `MAX_STORING_BYTES` on their way.
 *   I3  Each task of an offered frame gets exactly one fate, unless the process dies.
 *   I4  The picture is stored before any task that refers to it.
 *   I5  Tasks of an ordered capability enter their lane in the order in which the camera's frames were offered, whatever the order
 *       in which their pictures are stored.
 */
import { BoundedBuffer } from '@frame-buffer/buffer';
import { type Publisher, type PublishResult, storePicture } from '@frame-buffer/jetstream';
import type { Logger } from '@frame-buffer/telemetry';
import type { Books } from './books.ts';
import { CameraOrder } from './camera-order.ts';
import type { CapturedFrame } from './captured-frame.ts';
import type { LaneWriters } from './lane-writer.ts';

const MAX_STORING = 128;
const MAX_STORING_BYTES = 16 * 1024 * 1024;
const REFUSED_RETRY_MS = 500;

export interface FrameIntakeOptions {
  /** Of pictures; a connection of its own, so that big messages do not hold up small ones. */
  readonly pixels: Pick<Publisher, 'publish'>;
  readonly lanes: LaneWriters;
  readonly books: Books;
  readonly maxFrames: number;
  readonly maxBytes: number;
  /** Milliseconds that a task of this capability may live; 0 without limit. */
  readonly maxAgeMs: (capability: string) => number;
  readonly log: Logger;
}

export class FrameIntake {
  readonly #options: FrameIntakeOptions;
  readonly #buffer: BoundedBuffer<CapturedFrame>;
  readonly #order = new CameraOrder();
  #storing = 0;
  #storingBytes = 0;

  constructor(options: FrameIntakeOptions) {
    this.#options = options;
    this.#buffer = new BoundedBuffer({
      maxItems: options.maxFrames,
      maxBytes: options.maxBytes,
      policy: 'drop-oldest',
    });
  }

  /** Frames in memory that the broker does not have yet. */
  get buffered(): number {
    return this.#buffer.length + this.#storing;
  }

  get bufferedBytes(): number {
    return this.#buffer.bytes + this.#storingBytes;
  }

  get fill(): number {
    return this.#buffer.fill;
  }

  offer(frame: CapturedFrame): void {
    for (const shed of this.#buffer.push(frame, frame.bytes.length)) {
      this.#options.books.enterAll(shed, { kind: 'shed', reason: 'buffer_full' });
    }
    this.#pump();
  }

  /** Gives up what has not begun its way to the broker. */
  abandon(): number {
    const left = this.#buffer.drain();
    for (const frame of left) this.#options.books.enterAll(frame, { kind: 'shed', reason: 'shutdown' });
    return left.length;
  }

  #pump(): void {
    for (let next = this.#buffer.peek(); next !== undefined; next = this.#buffer.peek()) {
      const size = next.bytes.length;
      const hasRoom = this.#storing < MAX_STORING && this.#storingBytes + size <= MAX_STORING_BYTES;
      if (!hasRoom && this.#storing > 0) return;
      this.#buffer.shift();
      this.#storing += 1;
      this.#storingBytes += size;
      void this.#store(next).finally(() => {
        this.#storing -= 1;
        this.#storingBytes -= size;
        this.#pump();
      });
    }
  }

  async #store(frame: CapturedFrame): Promise<void> {
    const { pixels, lanes, books, maxAgeMs } = this.#options;
    const ordered = frame.capabilities.filter((capability) => lanes.isOrdered(capability));
    const turn = ordered.length > 0 ? this.#order.next(frame.camera) : undefined;
    const stored = await this.#storePixels(frame, pixels);
    if (stored.ok) {
      // The tasks must not keep the picture in memory while they wait.
      const { bytes, ...info } = frame;
      const task = { frame: info, pixelSequence: stored.sequence, byteSize: bytes.length };
      const add = (capability: string) => lanes.add({ ...task, capability, maxAgeMs: maxAgeMs(capability) });
      for (const capability of frame.capabilities) if (!ordered.includes(capability)) add(capability);
      turn?.take(() => ordered.forEach(add));
    } else if (stored.reason === 'too_large') {
      this.#options.log.warn('picture.tooLarge', { camera: frame.camera, detail: stored.detail });
      turn?.take(() => {});
      books.enterAll(frame, { kind: 'shed', reason: 'too_large' });
    }
  }

  /** Tries again while the store refuses: a full disk is mended by somebody, and meanwhile the buffer's bound holds. */
  async #storePixels(frame: CapturedFrame, pixels: FrameIntakeOptions['pixels']): Promise<PublishResult> {
    for (;;) {
      const result = await storePicture(pixels, frame);
      if (result.ok || result.reason === 'too_large' || result.reason === 'closed') return result;
      this.#options.log.warn('pixels.refused', { reason: result.reason, detail: result.detail });
      await new Promise((resolve) => setTimeout(resolve, REFUSED_RETRY_MS));
    }
  }
}
