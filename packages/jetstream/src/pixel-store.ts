/**
 * The pixel store: each picture once in PIXELS, its descriptor in headers; read by sequence, or the newest of a camera.
 *
 * Reads are direct gets. What is outstanding is bounded by bytes: the broker cuts off a client that falls 64 MB behind, and
 * its answers are then lost.
 */

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
import type { Publisher, PublishResult } from './publisher.ts';

export interface StoredPicture {
  readonly bytes: Uint8Array;
  readonly sequence: number;
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

/** Writes pictures; repeats under the frame's id are stored once. The result's `sequence` is what a descriptor refers to. */
export function storePicture(publisher: Publisher, picture: PictureToStore): Promise<PublishResult> {
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
const GET_TIMEOUT_MS = 2_000;
const ATTEMPTS = 4;

export class PixelReader {
  readonly #nc: NatsConnection;
  readonly #waiting: (() => void)[] = [];
  #outstanding = 0;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /**
   * The picture of a descriptor. `expectedBytes` (the descriptor's byte size) is what the bound counts.
   * Throws `pixels_evicted` (final: it has aged out), `pixels_unavailable` (retryable: the broker does not answer).
   */
  async get(sequence: number, expectedBytes: number): Promise<StoredPicture> {
    await this.#acquire(expectedBytes);
    try {
      return await this.#request(`$JS.API.DIRECT.GET.${STREAM.pixels}`, `{"seq":${sequence}}`);
    } finally {
      this.#release(expectedBytes);
    }
  }

  /** The newest picture of a camera. Throws as `get`. */
  newest(camera: string): Promise<StoredPicture> {
    return this.#request(`$JS.API.DIRECT.GET.${STREAM.pixels}.${subject.pixels(camera)}`, '');
  }

  async #request(api: string, query: string): Promise<StoredPicture> {
    let cause: unknown;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        return toPicture(await this.#nc.request(api, query, { timeout: GET_TIMEOUT_MS }));
      } catch (error) {
        if (error instanceof FrameBufferError && !error.retryable) throw error;
        cause = error;
        // No responders answer at once while a leader is elected: do not spin.
        await new Promise((resolve) => setTimeout(resolve, 100 * attempt));
      }
    }
    throw new FrameBufferError('pixels_unavailable', 'the broker does not hand out the picture', {
      retryable: true,
      cause,
    });
  }

  #acquire(bytes: number): Promise<void> {
    if (this.#outstanding === 0 || this.#outstanding + bytes <= MAX_OUTSTANDING_BYTES) {
      this.#outstanding += bytes;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        this.#outstanding += bytes;
        resolve();
      });
    });
  }

  #release(bytes: number): void {
    this.#outstanding -= bytes;
    while (this.#waiting.length > 0 && this.#outstanding < MAX_OUTSTANDING_BYTES) this.#waiting.shift()?.();
  }
}

function toPicture(answer: Msg): StoredPicture {
  const code = answer.headers?.code ?? 0;
  if (code === 404) {
    throw new FrameBufferError('pixels_evicted', 'the picture is no longer stored: it aged out, or PIXELS was full');
  }
  if (code !== 0 || answer.headers === undefined) {
    throw new FrameBufferError('pixels_unavailable', `direct get answered ${code}`, { retryable: true });
  }
  const headers = new Map<string, string>();
  for (const name of answer.headers.keys()) headers.set(name, answer.headers.last(name));
  return { bytes: answer.data, sequence: Number(headers.get('Nats-Sequence') ?? 0), headers };
}
