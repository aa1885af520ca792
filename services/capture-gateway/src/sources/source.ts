/**
 * The port between a camera and whatever delivers its pictures.
 *
 *   S1  After `start`, `ended` is called exactly once, and nothing after it. Never synchronously from `start`.
 *   S2  `opened` is called before the first picture, and only if there is a connection to speak of.
 *   S3  After `stop` was called no picture is delivered; `ended` reports `stopped`, then `stop` resolves.
 *   S4  A source is started once. A new attempt is a new source.
 *
 * A source does not watch the time: whether pictures come too late is the camera machine's decision.
 */
import type { EndCause } from '@frame-buffer/actors';

export type { CauseCode, EndCause } from '@frame-buffer/actors';
export { endCause } from '@frame-buffer/actors';
export type { CameraSource } from '@frame-buffer/protocol';

export interface Picture {
  /** A whole, checked JPEG in memory of its own: keeping it keeps nothing else alive. */
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly encoding: 'jpeg';
  /** When it reached this process, in `performance.now()` ms. The cameras' own clocks do not reach us. */
  readonly arrivedAtMs: number;
}

export interface SourceEvents {
  opened(): void;
  picture(picture: Picture): void;
  ended(cause: EndCause): void;
}

export interface Source {
  start(on: SourceEvents): void;
  /** Idempotent, and allowed before `start` and after the end. */
  stop(): Promise<void>;
}
