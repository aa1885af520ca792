/**
 * The pixel store: each picture once in PIXELS, its descriptor in headers; read by sequence, or the newest of a camera.
 *
 * Reads are direct gets. What is outstanding is bounded by bytes: the broker cuts off a client that falls 64 MB behind, and
 * its answers are then lost.
 */

import { setTimeout as wait } from 'node:timers/promises';
import {
  type Encoding,
  FrameBufferError,
  type FrameIdentity,
  frameId,
  HEADER,
  STREAM,
  subject,
} from '@frame-buffer/protocol';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { Fifo } from './fifo.ts';
import type { Publisher, PublishResult } from './publisher.ts';

export interface StoredPicture {
  readonly bytes: Uint8Array;
  readonly sequence: number;
  /** Ours (`HEADER`) and the broker's, such as `Nats-Time-Stamp`. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface PictureToStore extends FrameIdentity {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly encoding: Encoding;
  readonly capturedAtMs: number;
  readonly compression?: 'lz4';
}

/**
 * Writes pictures; repeats under the frame's id are stored once. The result's `sequence` is what a descriptor refers to. A
 * picture above the broker's max_payload is `too_large`, with both numbers in the detail.
 */
export function storePicture(publisher: Pick<Publisher, 'publish'>, picture: PictureToStore): Promise<PublishResult> {
  return publisher.publish(subject.pixels(picture.camera), picture.bytes, {
    msgId: frameId(picture),
    headers: {
      [HEADER.frame]: frameId(picture),
      [HEADER.camera]: picture.camera,
      [HEADER.epoch]: String(picture.epoch),
      [HEADER.sequence]: String(picture.sequence),
      [HEADER.width]: String(picture.width),
      [HEADER.height]: String(picture.height),
      [HEADER.encoding]: picture.encoding,
      [HEADER.capturedAt]: new Date(picture.capturedAtMs).toISOString(),
      ...(picture.compression === undefined ? {} : { [HEADER.compression]: picture.compression }),
    },
  });
}

const MAX_OUTSTANDING_BYTES = 16 * 1024 * 1024;
/** What `newest` reserves: nobody knows the size of a picture that is yet to come. */
const GUESSED_BYTES = 1024 * 1024;
const GET_TIMEOUT_MS = 2_000;
/** Longer than a broker takes to come back, shorter than anybody waits for one picture. */
const GIVE_UP_MS = 10_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 1_000;

interface Reservation {
  readonly bytes: number;
  readonly granted: () => void;
}

export class PixelReader {
  readonly #nc: NatsConnection;
  readonly #waiting = new Fifo<Reservation>();
  #outstanding = 0;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /** Bytes that the broker may be sending us now, as announced by the callers; 16 MiB at most, or one picture. */
  get outstandingBytes(): number {
    return this.#outstanding;
  }

  /**
   * The picture of a descriptor. `expectedBytes` (the descriptor's byte size) is what the bound counts.
   * Throws `pixels_evicted` (final: it has aged out), `pixels_unavailable` (retryable: the broker has not answered for 10 s).
   */
  get(sequence: number, expectedBytes: number): Promise<StoredPicture> {
    return this.#bounded(expectedBytes, () =>
      this.#request(`$JS.API.DIRECT.GET.${STREAM.pixels}`, `{"seq":${sequence}}`),
    );
  }

  /** The newest picture of a camera. Throws as `get`. */
  newest(camera: string): Promise<StoredPicture> {
    const api = `$JS.API.DIRECT.GET.${STREAM.pixels}.${subject.pixels(camera)}`;
    return this.#bounded(GUESSED_BYTES, () => this.#request(api, ''));
  }

  async #request(api: string, query: string): Promise<StoredPicture> {
    const deadline = performance.now() + GIVE_UP_MS;
    for (let pauseMs = FIRST_RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_RETRY_MS)) {
      try {
        return toPicture(await this.#nc.request(api, query, { timeout: GET_TIMEOUT_MS }));
      } catch (cause) {
        if (cause instanceof FrameBufferError && !cause.retryable) throw cause;
        if (performance.now() + pauseMs >= deadline || this.#nc.isClosed()) throw unavailable(cause);
        // No responders answer at once while a leader is elected or the broker starts: do not spin.
        await wait(pauseMs);
      }
    }
  }

  async #bounded<R>(bytes: number, work: () => Promise<R>): Promise<R> {
    if (this.#waiting.size > 0 || !this.#fits(bytes)) {
      await new Promise<void>((granted) => {
        this.#waiting.push({ bytes, granted });
      });
    } else {
      this.#outstanding += bytes;
    }
    try {
      return await work();
    } finally {
      this.#outstanding -= bytes;
      this.#grant();
    }
  }

  /** In order, so that a large picture is not passed by small ones for ever. */
  #grant(): void {
    for (let head = this.#waiting.peek(); head !== undefined && this.#fits(head.bytes); head = this.#waiting.peek()) {
      this.#waiting.shift();
      this.#outstanding += head.bytes;
      head.granted();
    }
  }

  #fits(bytes: number): boolean {
    return this.#outstanding === 0 || this.#outstanding + bytes <= MAX_OUTSTANDING_BYTES;
  }
}

function toPicture(answer: Msg): StoredPicture {
  const code = answer.headers?.code ?? 0;
  if (code === 404) {
    throw new FrameBufferError('pixels_evicted', 'the picture is no longer stored: it aged out, or PIXELS was full');
  }
  if (code !== 0 || answer.headers === undefined) throw unavailable(new Error(`direct get answered ${code}`));
  const headers = new Map<string, string>();
  for (const name of answer.headers.keys()) headers.set(name, answer.headers.last(name));
  return { bytes: answer.data, sequence: Number(headers.get('Nats-Sequence') ?? 0), headers };
}

function unavailable(cause: unknown): FrameBufferError {
  const message = 'the broker does not hand out the picture';
  return new FrameBufferError('pixels_unavailable', message, { retryable: true, cause });
}
