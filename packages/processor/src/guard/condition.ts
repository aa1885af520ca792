/**
 * The condition of an instance: three ways of being late, told apart.
 *
 *   `hung`      calls that have timed out and ignore it are as many as may run at the same time: nothing more is begun until
 *               some of them end
 *   `blocking`  the event loop was held up for more than `BLOCKED_MS`, within the last `REMEMBERED_MS`
 *   `slow`      more than 5 % of the calls of the last minute, and at least 3, took longer than `slowMs`
 *   `ok`        none of these
 *
 * The worst that holds is told, in this order. While the loop is held up nothing here can run: then the heartbeat's thread
 * says `blocking`, from the age of what it was told last.
 */
export const CONDITIONS = ['ok', 'slow', 'blocking', 'hung'] as const;
export type Condition = (typeof CONDITIONS)[number];

/** An event loop that is held up for so long is blocked. */
export const BLOCKED_MS = 1_000;

const REMEMBERED_MS = 10_000;
const LOOK_MS = 250;
const BUCKETS = 6;
const BUCKET_MS = 10_000;
const SLOW_SHARE = 0.05;
const SLOW_CALLS = 3;

export interface ConditionOptions {
  /** Milliseconds. */
  readonly slowMs: number;
  /** Overdue calls that make it hung. */
  readonly hungAt: number;
  readonly overdue: () => number;
  readonly onChange: (from: Condition, to: Condition, cause: string) => void;
  readonly now?: () => number;
}

export class ConditionWatch {
  readonly #options: ConditionOptions;
  readonly #now: () => number;
  readonly #calls = new Array<number>(BUCKETS).fill(0);
  readonly #slow = new Array<number>(BUCKETS).fill(0);
  readonly #timer: NodeJS.Timeout;
  #at = 0;
  #turnedAt: number;
  #lookedAt: number;
  #blockedMs = 0;
  #blockedAt = -Infinity;
  #condition: Condition = 'ok';

  constructor(options: ConditionOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#turnedAt = this.#now();
    this.#lookedAt = this.#turnedAt;
    this.#timer = setInterval(() => this.#tick(), LOOK_MS);
    this.#timer.unref();
  }

  get condition(): Condition {
    return this.#condition;
  }

  /** A call took so long. Cheap. */
  called(ms: number): void {
    const at = this.#at;
    this.#calls[at] = (this.#calls[at] ?? 0) + 1;
    if (ms > this.#options.slowMs) this.#slow[at] = (this.#slow[at] ?? 0) + 1;
  }

  /** Something has changed that cannot wait for the next regular look. */
  look(): void {
    const from = this.#condition;
    const [to, cause] = this.#judge();
    if (from === to) return;
    this.#condition = to;
    this.#options.onChange(from, to, cause);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = this.#now();
    const lateMs = now - this.#lookedAt - LOOK_MS;
    this.#lookedAt = now;
    if (lateMs > BLOCKED_MS) {
      this.#blockedMs = lateMs;
      this.#blockedAt = now;
    }
    for (; now - this.#turnedAt >= BUCKET_MS; this.#turnedAt += BUCKET_MS) this.#turn();
    this.look();
  }

  #turn(): void {
    this.#at = (this.#at + 1) % BUCKETS;
    this.#calls[this.#at] = 0;
    this.#slow[this.#at] = 0;
  }

  #judge(): [Condition, string] {
    const { overdue, hungAt, slowMs } = this.#options;
    const hanging = overdue();
    if (hanging >= hungAt) return ['hung', `${hanging} calls have timed out and go on`];
    if (this.#now() - this.#blockedAt < REMEMBERED_MS)
      return ['blocking', `the event loop was held up for ${Math.round(this.#blockedMs)} ms`];
    const calls = sum(this.#calls);
    const slow = sum(this.#slow);
    if (slow >= SLOW_CALLS && slow > SLOW_SHARE * calls)
      return ['slow', `${slow} of ${calls} calls took longer than ${slowMs} ms`];
    return ['ok', 'recovered'];
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
