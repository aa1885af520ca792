/**
 * Credit: how many more tasks a processor may be sent, known without asking anybody.
 *
 *   K1  outstanding = dispatched − settled, of this orchestrator's own dispatches; never below 0.
 *   K2  The window is what the processor can start within `HORIZON_MS` at its measured rate, at least two rounds of its
 *       instances' concurrency, at most `maxQueue`; the live orchestrators share it evenly.
 *   K3  A processor that refused (its queue was full) has no room until something of it is settled, or for `REFUSED_MS`.
 *   K4  Whoever watches is told of every change that may give room or change the expected wait, synchronously.
 *   K5  A limit, while there is one, bounds the window further: it is this orchestrator's own, and not shared.
 *
 * Rates come from everybody's settlements, so that all orchestrators see the same facts. Room also comes with time alone (a
 * refusal is over, the rate has risen): of that nobody is told.
 */

/** Half a second's work in the queue keeps a processor busy over any hiccup of dispatching, and frames young. */
const HORIZON_MS = 500;
const REFUSED_MS = 250;
const RATE_WINDOW_MS = 1_000;
/** Weight of the newest settlement in the smoothed service time. */
const SMOOTHING = 0.2;
/** Assumed until the first settlement. */
const INITIAL_SERVICE_MS = 10;
/** Steps of the coarse service time per doubling: 19 % apart. */
const STEPS_PER_DOUBLING = 4;

export interface ProcessorLoad {
  readonly outstanding: number;
  readonly window: number;
  readonly ratePerSecond: number;
  readonly serviceMs: number;
}

export interface Limits {
  /** All live instances together. */
  readonly concurrency: number;
  readonly maxQueue: number;
  /** Live orchestrators, this one included. */
  readonly peers: number;
}

/** What keeps an index over credits current (K4). `slot` is the watcher's own number of this credit. */
export interface CreditWatcher {
  creditChanged(slot: number): void;
}

export class ProcessorCredit {
  #outstanding = 0;
  #serviceMs = INITIAL_SERVICE_MS;
  #coarseServiceMs = coarse(INITIAL_SERVICE_MS);
  #watchers: readonly { readonly watcher: CreditWatcher; readonly slot: number }[] = [];
  #refusedUntil = 0;
  #limit = Number.POSITIVE_INFINITY;
  #settledInWindow = 0;
  #windowBegan: number;
  #ratePerSecond = 0;
  #lastSettledAt: number;

  constructor(nowMs: number) {
    this.#windowBegan = nowMs;
    this.#lastSettledAt = nowMs;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /** Milliseconds of one frame in the handler, smoothed. */
  get serviceMs(): number {
    return this.#serviceMs;
  }

  /** When something of it was settled last, or the credit began. */
  get lastSettledAt(): number {
    return this.#lastSettledAt;
  }

  /**
   * Milliseconds until a task sent now would be done, estimated. The service time in it is coarse, so that equal processors
   * stay equal although no two measurements are.
   */
  expectedWaitMs(concurrency: number): number {
    return ((this.#outstanding + 1) * this.#coarseServiceMs) / concurrency;
  }

  watch(watcher: CreditWatcher, slot: number): void {
    this.#watchers = [...this.#watchers, { watcher, slot }];
  }

  unwatch(watcher: CreditWatcher): void {
    this.#watchers = this.#watchers.filter((entry) => entry.watcher !== watcher);
  }

  ratePerSecond(nowMs: number): number {
    this.#roll(nowMs);
    return this.#ratePerSecond;
  }

  window(limits: Limits, nowMs: number): number {
    const atRate = (this.ratePerSecond(nowMs) * HORIZON_MS) / 1000;
    const whole = Math.min(limits.maxQueue, Math.max(2 * limits.concurrency, atRate));
    return Math.min(this.#limit, Math.max(1, Math.ceil(whole / Math.max(1, limits.peers))));
  }

  room(limits: Limits, nowMs: number): number {
    if (nowMs < this.#refusedUntil) return 0;
    return Math.max(0, this.window(limits, nowMs) - this.#outstanding);
  }

  /** Whole tasks; Infinity for none. What is outstanding beyond it stays so. */
  limit(tasks: number): void {
    if (this.#limit === tasks) return;
    this.#limit = tasks;
    this.#changed();
  }

  dispatched(tasks: number): void {
    this.#outstanding += tasks;
    this.#changed();
  }

  /** Takes back what a publish did not deliver. */
  returned(tasks: number): void {
    this.#outstanding = Math.max(0, this.#outstanding - tasks);
    this.#changed();
  }

  refused(nowMs: number): void {
    this.#refusedUntil = nowMs + REFUSED_MS;
  }

  /** `own` of the `tasks` were dispatched from here. */
  settled(tasks: number, own: number, serviceMs: number, nowMs: number): void {
    this.#roll(nowMs);
    this.#settledInWindow += tasks;
    this.#outstanding = Math.max(0, this.#outstanding - own);
    this.#refusedUntil = 0;
    this.#lastSettledAt = nowMs;
    if (tasks > 0 && serviceMs > 0) {
      this.#serviceMs += SMOOTHING * (serviceMs / tasks - this.#serviceMs);
      this.#coarseServiceMs = coarse(this.#serviceMs);
    }
    this.#changed();
  }

  /** The broker says that the processor's queue is empty: whatever was believed outstanding is not. */
  correctToEmpty(): void {
    this.#outstanding = 0;
    this.#changed();
  }

  #changed(): void {
    for (const { watcher, slot } of this.#watchers) watcher.creditChanged(slot);
  }

  #roll(nowMs: number): void {
    const elapsed = nowMs - this.#windowBegan;
    if (elapsed < RATE_WINDOW_MS / 4) return;
    const measured = (this.#settledInWindow * 1000) / elapsed;
    // Follows a rise at once and a fall within about a second, so that a pause does not close the window.
    const weight = Math.min(1, elapsed / RATE_WINDOW_MS);
    this.#ratePerSecond = Math.max(measured, this.#ratePerSecond + weight * (measured - this.#ratePerSecond));
    this.#settledInWindow = 0;
    this.#windowBegan = nowMs;
  }
}

function coarse(ms: number): number {
  return 2 ** (Math.round(Math.log2(ms) * STEPS_PER_DOUBLING) / STEPS_PER_DOUBLING);
}
