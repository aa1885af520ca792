/**
 * Calls of the handler, bounded in time.
 *
 *   T1  Each call is ended exactly once: by what it returns or throws, or by `timeoutMs`, whichever comes first.
 *   T2  A call that has timed out is over, whatever the handler goes on doing; what comes of it afterwards is told as late and
 *       goes nowhere.
 *   T3  A handler that returns a plain value, or throws, has ended its call when `run` returns: no promise, no timer.
 *
 * All calls have the same time, so they run out in the order of their beginning: one timer, for the oldest, watches them all.
 * A handler that never gives way to the event loop cannot be timed out.
 */
export type Ended<R> =
  | { readonly kind: 'returned'; readonly value: R }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'timed_out' };

export interface CallsOptions<C, R> {
  readonly timeoutMs: number;
  readonly invoke: (call: C) => R | Promise<R>;
  /** `ms`: how long it took. */
  readonly onEnded: (call: C, ended: Ended<R>, ms: number) => void;
  /** Just before the call is ended as timed out: the moment to abort what can be aborted. */
  readonly onTimeout: (call: C) => void;
  /** A call that had timed out has come to its end after all. */
  readonly onLate: (call: C, how: 'returned' | 'threw') => void;
}

interface Running<C> {
  readonly call: C;
  readonly began: number;
  isOver: boolean;
}

const TIMED_OUT = { kind: 'timed_out' } as const;

export class Calls<C, R> {
  readonly #options: CallsOptions<C, R>;
  /** In the order of their beginning. */
  readonly #running = new Set<Running<C>>();
  #overdue = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CallsOptions<C, R>) {
    this.#options = options;
  }

  /** Calls that have timed out and still have not come to an end. */
  get overdue(): number {
    return this.#overdue;
  }

  *running(): Generator<C> {
    for (const { call } of this.#running) yield call;
  }

  run(call: C): void {
    const { invoke, onEnded } = this.#options;
    const began = performance.now();
    let value: R | Promise<R>;
    try {
      value = invoke(call);
    } catch (error) {
      onEnded(call, { kind: 'threw', error }, performance.now() - began);
      return;
    }
    if (isThenable(value)) this.#await(call, began, value);
    else onEnded(call, { kind: 'returned', value }, performance.now() - began);
  }

  /** No more timeouts: what runs goes on, and is told as before when it ends. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #await(call: C, began: number, value: PromiseLike<R>): void {
    const running: Running<C> = { call, began, isOver: false };
    this.#running.add(running);
    if (this.#timer === undefined) this.#watch(this.#options.timeoutMs);
    // Other people's thenables may do anything; a promise of our own keeps the rules.
    (value instanceof Promise ? value : Promise.resolve(value)).then(
      (returned) => this.#ended(running, { kind: 'returned', value: returned }),
      (error: unknown) => this.#ended(running, { kind: 'threw', error }),
    );
  }

  #ended(running: Running<C>, ended: Exclude<Ended<R>, { kind: 'timed_out' }>): void {
    const { onEnded, onLate } = this.#options;
    if (running.isOver) {
      this.#overdue -= 1;
      onLate(running.call, ended.kind);
      return;
    }
    this.#running.delete(running);
    onEnded(running.call, ended, performance.now() - running.began);
  }

  #watch(ms: number): void {
    this.#timer = setTimeout(() => this.#endOverdue(), Math.max(1, Math.ceil(ms)));
  }

  #endOverdue(): void {
    const { timeoutMs, onTimeout, onEnded } = this.#options;
    this.#timer = undefined;
    const now = performance.now();
    const due: Running<C>[] = [];
    for (const running of this.#running) {
      const leftMs = running.began + timeoutMs - now;
      if (leftMs > 0) {
        this.#watch(leftMs);
        break;
      }
      due.push(running);
    }
    // Only now: whoever is told may begin further calls.
    for (const running of due) {
      this.#running.delete(running);
      running.isOver = true;
      this.#overdue += 1;
      onTimeout(running.call);
      onEnded(running.call, TIMED_OUT, now - running.began);
    }
  }
}

export function isThenable<R>(value: R | PromiseLike<R>): value is PromiseLike<R> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
