/**
 * Follows SETTLEMENTS from its beginning: every message once, in order, through outages of any length.
 *
 *   S1  `onSettlement` is called in the order of the stream, once per message, as long as the stream lives.
 *   S2  Messages that are gone before they could be read (aged out, deleted) are noticed and reported as a gap.
 *   S3  A broker that is away, or a stream that does not exist, never ends it: it goes on where it was.
 *
 * It polls by sequence instead of holding a consumer: there is no state at the broker that an outage could upset.
 */
import { STREAM } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import { readBatch, type StoredMessage } from '../streams/direct-read.ts';

export interface FollowerOptions {
  readonly nc: NatsConnection;
  readonly log: Logger;
  readonly onSettlement: (message: StoredMessage) => void;
  /** Sequences from `from` to `to` (both inclusive) are gone unread; `next` is the first message after them. */
  readonly onGap: (gap: { readonly from: number; readonly to: number; readonly next: StoredMessage }) => void;
  /** Milliseconds between looks at a stream that has nothing new. */
  readonly pollMs?: number;
}

const READ_AT_ONCE = 1_000;
const RETRY_MS = 500;

interface Waiter {
  readonly sequence: number;
  readonly resolve: (reached: boolean) => void;
}

export class SettlementFollower {
  readonly #options: FollowerOptions;
  readonly #waiters = new Set<Waiter>();
  #next = 1;
  #stopped = false;
  #unreadable = false;
  #running: Promise<void> | undefined;
  #wake: () => void = () => {};

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Everything up to this sequence has been applied. */
  get applied(): number {
    return this.#next - 1;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    for (const { resolve } of this.#waiters) resolve(false);
    this.#waiters.clear();
    await this.#running;
  }

  /** Begins anew with the first message: another stream has taken the place of the one that was followed. */
  restart(): void {
    this.#next = 1;
  }

  /** Resolves with true once everything up to `sequence` has been applied, with false when that takes longer. */
  reached(sequence: number, timeoutMs: number): Promise<boolean> {
    if (this.applied >= sequence) return Promise.resolve(true);
    if (this.#stopped) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (reached: boolean) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(reached);
      };
      const waiter: Waiter = { sequence, resolve: end };
      const timer = setTimeout(() => end(false), timeoutMs);
      this.#waiters.add(waiter);
      this.#wake();
    });
  }

  async #run(): Promise<void> {
    const { pollMs = 100 } = this.#options;
    while (!this.#stopped) {
      try {
        const atEnd = await this.#read();
        this.#report(undefined);
        if (atEnd) await this.#rest(pollMs);
      } catch (error) {
        this.#report(error);
        await this.#rest(RETRY_MS);
      }
    }
  }

  async #read(): Promise<boolean> {
    const { nc } = this.#options;
    const from = this.#next;
    const batch = await readBatch(nc, { stream: STREAM.settlements, from, maxMessages: READ_AT_ONCE });
    // Restarted or stopped meanwhile: what was read belongs to another time.
    if (this.#stopped || from !== this.#next) return true;
    for (const message of batch.messages) this.#apply(message);
    for (const waiter of this.#waiters) if (this.applied >= waiter.sequence) waiter.resolve(true);
    return batch.atEnd;
  }

  #apply(message: StoredMessage): void {
    // A batch that was answered twice would otherwise be summed twice.
    if (message.sequence < this.#next) return;
    if (message.sequence > this.#next) {
      this.#options.onGap({ from: this.#next, to: message.sequence - 1, next: message });
    }
    this.#next = message.sequence + 1;
    this.#options.onSettlement(message);
  }

  #report(error: unknown): void {
    const unreadable = error !== undefined;
    if (unreadable === this.#unreadable || this.#stopped) return;
    this.#unreadable = unreadable;
    if (unreadable) this.#options.log.warn('settlements.unreadable', { applied: this.applied, error });
    else this.#options.log.info('settlements.readAgain', { applied: this.applied });
  }

  #rest(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
