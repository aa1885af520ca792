/**
 * Keeps one actor's record in the bucket `actors`.
 *
 *   K1  Every write is a compare-and-set on the revision that this keeper wrote or read last.
 *   K2  A conflict means that somebody else hosts the actor: `superseded`, for good. Nothing is overwritten.
 *   K3  A write whose answer was lost is told apart from a conflict by what is stored.
 *   K4  A broker that does not answer is asked again until it does, or until `signal` is aborted.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { JsonBucket, Written } from '@frame-buffer/jetstream';
import type { ActorRecord } from '@frame-buffer/protocol';
import { z } from 'zod';

/** Whatever is stored is read: what does not fit is set aside, not held for absent. */
export const ACTOR_SCHEMA = z.unknown();

export type ActorStore = Pick<JsonBucket<unknown>, 'get' | 'create' | 'update' | 'put' | 'delete'>;

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export type Kept = 'kept' | 'superseded' | 'stopped';

export class Keeper {
  readonly #store: ActorStore;
  readonly #key: string;
  readonly #signal: AbortSignal;
  #revision = 0;

  constructor(store: ActorStore, key: string, signal: AbortSignal) {
    this.#store = store;
    this.#key = key;
    this.#signal = signal;
  }

  /** What is stored, undefined when nothing is. Rejects with the signal's reason when aborted first. */
  async load(): Promise<unknown> {
    const stored = await this.#persevere(() => this.#store.get(this.#key));
    this.#revision = stored?.revision ?? 0;
    return stored?.value;
  }

  async keep(record: ActorRecord): Promise<Kept> {
    try {
      const written = await this.#persevere(() => this.#write(record));
      return written ? 'kept' : 'superseded';
    } catch (error) {
      if (this.#signal.aborted) return 'stopped';
      throw error;
    }
  }

  /** The actor is at its end. */
  async forget(): Promise<void> {
    await this.#persevere(() => this.#store.delete(this.#key)).catch((error: unknown) => {
      if (!this.#signal.aborted) throw error;
    });
    this.#revision = 0;
  }

  /** Copies what could not be used to a key beside. */
  async setAside(value: unknown): Promise<void> {
    await this.#persevere(() => this.#store.put(`aside.${this.#key}`, value));
  }

  async #write(record: ActorRecord): Promise<boolean> {
    const written: Written =
      this.#revision === 0
        ? await this.#store.create(this.#key, record)
        : await this.#store.update(this.#key, record, this.#revision);
    if (written.ok) {
      this.#revision = written.revision;
      return true;
    }
    const current = await this.#store.get(this.#key);
    if (current === undefined && this.#revision === 0) {
      // Not even JSON: nobody hosts an actor with that.
      this.#revision = await this.#store.put(this.#key, record);
      return true;
    }
    if (current === undefined || JSON.stringify(current.value) !== JSON.stringify(record)) return false;
    this.#revision = current.revision;
    return true;
  }

  async #persevere<R>(ask: () => Promise<R>): Promise<R> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      this.#signal.throwIfAborted();
      try {
        return await ask();
      } catch (error) {
        if (!isRetryable(error)) throw error;
      }
      await wait(pauseMs, undefined, { signal: this.#signal });
    }
  }
}

function isRetryable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === true;
}
