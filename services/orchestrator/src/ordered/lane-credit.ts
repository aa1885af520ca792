/** What this orchestrator has sent into one partition and nobody has settled; never below 0. */
export class LaneCredit {
  readonly #now: () => number;
  #outstanding = 0;
  #settledAt: number;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#settledAt = now();
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  dispatched(tasks: number): void {
    if (this.#outstanding === 0) this.#settledAt = this.#now();
    this.#outstanding += tasks;
  }

  settled(tasks: number): void {
    this.#outstanding = Math.max(0, this.#outstanding - tasks);
    this.#settledAt = this.#now();
  }

  /** Something is outstanding, and was for so long without a word. */
  isSilent(forMs: number): boolean {
    return this.#outstanding > 0 && this.#now() - this.#settledAt >= forMs;
  }

  /** The broker says that the queue is empty. */
  correctToEmpty(): void {
    this.#outstanding = 0;
  }
}
