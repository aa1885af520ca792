/** How long to wait before a process that died is started again: longer each time, as long as it does not stay up. */

const DELAYS_MS = [500, 1_000, 2_000, 4_000, 8_000] as const;
/** A process that lived for so long counts as well again. */
const WELL_AFTER_MS = 30_000;

export class Backoff {
  #failures = 0;

  /** In ms, for a process that died after it had been ready for `livedMs` (0: it never was). */
  next(livedMs: number): number {
    if (livedMs >= WELL_AFTER_MS) this.#failures = 0;
    const delay = DELAYS_MS[Math.min(this.#failures, DELAYS_MS.length - 1)] ?? DELAYS_MS[0];
    this.#failures += 1;
    return delay;
  }
}
