/**
 * Ctrl-C and its relatives.
 *
 *   I1  The first signal asks for an orderly end; the second one, whichever it is, ends at once.
 *   I2  A repetition within 250 ms is the same wish: npm passes a Ctrl-C on that has reached this process already.
 *   I3  It listens for as long as the process lives: by default a signal would end it in the middle of its last steps.
 */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SAME_WISH_MS = 250;

export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

export class Interrupts {
  readonly #onSecond: () => void;
  readonly #now: () => number;
  readonly #first = new AbortController();
  #firstAt = 0;

  constructor(source: SignalSource, onSecond: () => void, now: () => number = () => performance.now()) {
    this.#onSecond = onSecond;
    this.#now = now;
    for (const signal of SIGNALS) source.on(signal, this.#onSignal);
  }

  /** Aborted by the first signal. */
  get first(): AbortSignal {
    return this.#first.signal;
  }

  readonly #onSignal = (): void => {
    if (!this.#first.signal.aborted) {
      this.#firstAt = this.#now();
      this.#first.abort();
    } else if (this.#now() - this.#firstAt >= SAME_WISH_MS) {
      this.#onSecond();
    }
  };
}
