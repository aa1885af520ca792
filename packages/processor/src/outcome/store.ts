/**
 * Stores what must be stored before work is acknowledged, however long the broker takes.
 *
 * `too_large` and `closed` are the only ways out without having stored. Everything else that a broker can answer (a full disk,
 * a stream that does not exist yet) is worth another try: the work is done and must not be lost.
 */
import type { Publisher, PublishOptions } from '@frame-buffer/jetstream';
import type { Logger } from '@frame-buffer/telemetry';
import { RareLog } from '../rare-log.ts';

export type Stored = 'stored' | 'too_large' | 'closed';

/** What headers may take of the broker's `max_payload`, which counts them. */
const HEADER_ROOM = 8 * 1024;
const AGAIN_MS = 1_000;

export class Store {
  readonly #publisher: Publisher;
  readonly #maxPayload: () => number;
  readonly #refused: RareLog;
  #isClosed = false;

  /** `maxPayload`: of the broker now, bytes. */
  constructor(publisher: Publisher, maxPayload: () => number, log: Logger) {
    this.#publisher = publisher;
    this.#maxPayload = maxPayload;
    this.#refused = new RareLog(log, 'error', 'publish.refused');
  }

  /** Does this fit into one message, with its headers? */
  fits(bytes: number): boolean {
    return bytes + HEADER_ROOM <= this.#maxPayload();
  }

  /** A payload that changes with time is given as a function, and made anew for each try. */
  async put(subject: string, payload: Uint8Array | (() => Uint8Array), options: PublishOptions): Promise<Stored> {
    while (!this.#isClosed) {
      const bytes = typeof payload === 'function' ? payload() : payload;
      if (!this.fits(bytes.length)) return 'too_large';
      const result = await this.#publisher.publish(subject, bytes, options);
      if (result.ok) return 'stored';
      if (result.reason === 'too_large' || result.reason === 'closed') return result.reason;
      this.#refused.write({ subject, reason: result.reason, detail: result.detail });
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    return 'closed';
  }

  close(): void {
    this.#isClosed = true;
  }
}
