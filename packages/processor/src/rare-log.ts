/** A log line for what may happen thousands of times a second: written at once, then at most every ten seconds with a count. */
import type { LogFields, Logger } from '@frame-buffer/telemetry';

const QUIET_MS = 10_000;

export class RareLog {
  readonly #log: Logger;
  readonly #level: 'warn' | 'error';
  readonly #event: string;
  #quietUntil = 0;
  #left = 0;

  constructor(log: Logger, level: 'warn' | 'error', event: string) {
    this.#log = log;
    this.#level = level;
    this.#event = event;
  }

  write(fields: LogFields): void {
    const now = performance.now();
    if (now < this.#quietUntil) {
      this.#left += 1;
      return;
    }
    this.#log[this.#level](this.#event, this.#left === 0 ? fields : { ...fields, not_logged: this.#left });
    this.#quietUntil = now + QUIET_MS;
    this.#left = 0;
  }
}
