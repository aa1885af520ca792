/**
 * Watches over this processor's queue: one that is missing for longer than a moment is asked for again, by registering anew.
 *
 *   present ── missing, deleted ──▶ doubtful ── 1 s ──▶ registering ── accepted ──▶ waiting ── 10 s ──▶ registering …
 *      ▲                                                                                │
 *      └──────────────────────────────── pulling again ─────────────────────────────────┘
 */
import type { PullState } from '@frame-buffer/jetstream';
import { pause } from './pause.ts';

const MOMENT_MS = 1_000;
const WAIT_MS = 10_000;

export interface QueueWatchOptions {
  /** Rejects only for good. */
  readonly register: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
  readonly signal: AbortSignal;
}

export class QueueWatch {
  readonly #options: QueueWatchOptions;
  /** Aborted when the queue is there again, or the watch ends; undefined while all is well. */
  #search: AbortController | undefined;

  constructor(options: QueueWatchOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#end());
  }

  report(state: PullState): void {
    if (state === 'ok') this.#end();
    if (state === 'missing' || state === 'deleted') this.#begin();
  }

  #begin(): void {
    if (this.#search !== undefined || this.#options.signal.aborted) return;
    this.#search = new AbortController();
    void this.#run(this.#search.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await pause(MOMENT_MS, signal);
      while (!signal.aborted) {
        await this.#options.register();
        await pause(WAIT_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted) this.#options.onFailed(error);
    }
  }

  #end(): void {
    this.#search?.abort();
    this.#search = undefined;
  }
}
