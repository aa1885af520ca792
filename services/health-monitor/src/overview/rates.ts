/** How much happened per second lately, by name, from the broker's stamps: catching up with old settlements counts nothing. */

/** Whole seconds that a rate is the mean of. */
export const RATE_SECONDS = 5;

export class RateMeter {
  /** Per name and second (since 1970), how much. */
  readonly #seconds = new Map<string, Map<number, number>>();

  add(name: string, count: number, stampMs: number): void {
    const second = Math.floor(stampMs / 1000);
    let counts = this.#seconds.get(name);
    if (counts === undefined) {
      counts = new Map();
      this.#seconds.set(name, counts);
    }
    counts.set(second, (counts.get(second) ?? 0) + count);
    // Seconds come in order but for a few: the oldest key is the oldest second, or nearly.
    if (counts.size > 2 * RATE_SECONDS)
      for (const old of counts.keys()) if (old < second - RATE_SECONDS) counts.delete(old);
  }

  /** Mean over the last RATE_SECONDS whole seconds before `nowMs` (the broker's clock), one decimal. */
  perSecond(name: string, nowMs: number): number {
    const end = Math.floor(nowMs / 1000);
    let sum = 0;
    for (const [second, count] of this.#seconds.get(name) ?? []) {
      if (second < end && second >= end - RATE_SECONDS) sum += count;
    }
    return Math.round((10 * sum) / RATE_SECONDS) / 10;
  }

  /** Names with anything in the time that a rate covers; forgets the others. */
  names(nowMs: number): string[] {
    const oldest = Math.floor(nowMs / 1000) - RATE_SECONDS;
    for (const [name, counts] of this.#seconds) {
      if ([...counts.keys()].every((second) => second < oldest)) this.#seconds.delete(name);
    }
    return [...this.#seconds.keys()];
  }
}
