/**
 * Even pacing against the monotonic clock. Tick `n` is due at `n * intervalMs` after the start, whatever happened before, so
 * errors do not add up; a late caller gets the newest tick that is due, and the ones it missed are dropped.
 */
export interface Tick {
  readonly number: number;
  readonly waitMs: number;
}

export function nextTick(options: { lastTick: number; elapsedMs: number; intervalMs: number }): Tick {
  const { lastTick, elapsedMs, intervalMs } = options;
  const number = Math.max(lastTick + 1, Math.floor(elapsedMs / intervalMs));
  return { number, waitMs: Math.max(0, number * intervalMs - elapsedMs) };
}
