/**
 * The failures of a processor in a row, over all its instances. Pure; times are monotonic milliseconds.
 *
 *   F1  A success of any instance makes the count start anew.
 *   F2  While another instance vouches for the processor, failures are counted and do not stand. An instance vouches from its
 *       success on for three times as long as that took, from 1 to 30 s, unless it fails itself.
 *
 * F2 is what tells a processor that fails from an instance that does: an instance that fails at once fails five times while another
 * one works on a single frame.
 */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;
const SERVICE_TIMES = 3;

export class RunOfFailures {
  /** By instance, until when. */
  readonly #vouching = new Map<string, number>();
  #failures = 0;

  succeeded(instance: string, serviceMs: number, nowMs: number): void {
    this.#failures = 0;
    const ms = Math.min(Math.max(SERVICE_TIMES * serviceMs, SHORTEST_MS), LONGEST_MS);
    if (!this.#vouching.has(instance)) this.#forgetOld(nowMs);
    this.#vouching.set(instance, nowMs + ms);
  }

  failed(instance: string, tasks: number): void {
    this.#failures += tasks;
    this.#vouching.delete(instance);
  }

  /** Failures that stand. */
  standing(nowMs: number): number {
    return this.vouchedUntil(nowMs) === undefined ? this.#failures : 0;
  }

  /** When failures that do not stand now will; undefined when there are none. */
  vouchedUntil(nowMs: number): number | undefined {
    if (this.#failures === 0) return undefined;
    let until: number | undefined;
    for (const one of this.#vouching.values()) if (one > nowMs && one > (until ?? 0)) until = one;
    return until;
  }

  forget(): void {
    this.#failures = 0;
    this.#vouching.clear();
  }

  /** Instances come and go. */
  #forgetOld(nowMs: number): void {
    for (const [instance, until] of this.#vouching) if (until <= nowMs) this.#vouching.delete(instance);
  }
}
