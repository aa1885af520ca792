/**
 * How long a frame rests before its next attempt: 1 s · 2^attempt, at most 300 s, of which a random part of up to half is taken
 * off, so that frames that failed together do not come back together. Source: design §7.
 */
const BASE_MS = 1_000;
const LONGEST_MS = 300_000;

/** `attempt`: the one that failed, 0 for the first. `random`: from 0 to below 1. Whole milliseconds. */
export function retryDelayMs(attempt: number, random: () => number): number {
  const fullMs = Math.min(BASE_MS * 2 ** Math.min(attempt, 30), LONGEST_MS);
  return Math.round(fullMs * (1 - random() / 2));
}
