/**
 * Whose turn it is: bands are served 16 : 4 : 1 while all of them have something, so that low priority never starves; the
 * retry lane counts as low. Smooth weighted round-robin, so that turns are spread and not bunched.
 */
import type { Lane } from '@frame-buffer/protocol';

export const LANE_WEIGHTS: Readonly<Record<Lane, number>> = { high: 16, normal: 4, low: 1, retry: 1 };

export class BandTurn {
  readonly #current = new Map<Lane, number>();

  /** The lane to serve next among those that have something; undefined when none has. */
  next(waiting: readonly Lane[]): Lane | undefined {
    let total = 0;
    let best: Lane | undefined;
    let bestValue = Number.NEGATIVE_INFINITY;
    for (const lane of waiting) {
      const weight = LANE_WEIGHTS[lane];
      const value = (this.#current.get(lane) ?? 0) + weight;
      this.#current.set(lane, value);
      total += weight;
      if (value > bestValue) {
        best = lane;
        bestValue = value;
      }
    }
    if (best !== undefined) this.#current.set(best, bestValue - total);
    return best;
  }
}
