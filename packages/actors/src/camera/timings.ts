/** The camera's delays, all in ms. Defaults are those of `cameraTimings`. */
export interface CameraTimings {
  /** Longest wait for the first picture of an attempt, or for the connection where pictures come when they like. */
  readonly connectMs: number;
  /** Longest wait for the next picture. `Infinity` for sources that may be silent, such as pushed pictures. */
  readonly stallMs: number;
  /** Back-off after the first failure; it doubles with each one that follows. */
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Streaming this long without interruption makes earlier failures forgotten. */
  readonly stableMs: number;
  /** How often a failed camera looks whether its cause has healed. */
  readonly failedRetryMs: number;
}

const defaults: Omit<CameraTimings, 'stallMs'> = {
  connectMs: 10_000,
  backoffBaseMs: 500,
  // So that a camera that comes back is seen within 10 s, connecting included.
  backoffMaxMs: 8_000,
  stableMs: 30_000,
  failedRetryMs: 60_000,
};

/** `fps`: what the camera is expected to send; a stall is five missing pictures, and at least 2.5 s. */
export function cameraTimings(options: { readonly fps?: number } & Partial<CameraTimings> = {}): CameraTimings {
  const { fps, ...given } = options;
  const stallMs = Math.max(2_500, fps === undefined || fps <= 0 ? 0 : 5_000 / fps);
  return { ...defaults, stallMs, ...given };
}

/**
 * The wait before the next attempt: between half and all of `min(max, base * 2^(failures - 1))`.
 * @param failures in a row, at least 1
 * @param jitter from 0 to 1, drawn by the caller: machines hold no randomness
 */
export function backoffMs(timings: CameraTimings, failures: number, jitter: number): number {
  const full = Math.min(timings.backoffMaxMs, timings.backoffBaseMs * 2 ** Math.min(failures - 1, 30));
  return full * (0.5 + Math.min(Math.max(jitter, 0), 1) / 2);
}
