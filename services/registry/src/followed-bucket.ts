/**
 * A bucket and its live contents, across everything that can happen to the broker.
 *
 *   F1  Listeners are told of every difference between what they knew and what is there, also of what changed or vanished
 *       while the broker was away, or because it came back with another store.
 *   F2  Reads do no I/O. `reached` lets a writer wait until its own write is read here.
 */
import { JsonBucket, Mirror, type Stored } from '@frame-buffer/jetstream';
import { FrameBufferError } from '@frame-buffer/protocol';
import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import type { ZodType } from 'zod';

export interface FollowOptions<T> {
  readonly nc: NatsConnection;
  readonly bucket: string;
  readonly schema: ZodType<T>;
  readonly onInvalid: (key: string, detail: string) => void;
}

export type BucketListener<T> = (key: string, stored: Stored<T> | undefined, before: T | undefined) => void;

const FILL_BOUND_MS = 10_000;

export class FollowedBucket<T> {
  readonly #options: FollowOptions<T>;
  readonly #known = new Map<string, Stored<T>>();
  readonly #listeners = new Set<BucketListener<T>>();
  #bucket: JsonBucket<T> | undefined;
  #mirror: Mirror<T> | undefined;
  /** When the bucket was made: another one means another store. */
  #made = '';

  constructor(options: FollowOptions<T>) {
    this.#options = options;
  }

  /** For writing, and for reading what others wrote a moment ago. Throws `registry_unavailable` before the first refresh. */
  get bucket(): JsonBucket<T> {
    if (this.#bucket !== undefined) return this.#bucket;
    throw new FrameBufferError('registry_unavailable', 'the registry has not reached its records yet; try again', {
      retryable: true,
    });
  }

  get(key: string): T | undefined {
    return this.#known.get(key)?.value;
  }

  *values(): Generator<T> {
    for (const { value } of this.#known.values()) yield value;
  }

  *entries(): Generator<[string, T]> {
    for (const [key, { value }] of this.#known) yield [key, value];
  }

  stored(key: string): Stored<T> | undefined {
    return this.#known.get(key);
  }

  onChange(listener: BucketListener<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves when everything that the bucket holds is here. It is read anew if the bucket is another one than before, or `always`:
   * a watch may have died unseen. Fails when there is no such bucket.
   */
  async refresh({ always }: { always: boolean }): Promise<void> {
    const made = await this.#madeAt();
    if (!always && made === this.#made) return;
    this.#bucket ??= await JsonBucket.open(this.#options);
    const mirror = await filled(Mirror.of(this.#bucket));
    this.#mirror?.stop();
    this.#mirror = mirror;
    // Revisions of another store say nothing: what is there counts as changed.
    const isSameStore = made === this.#made;
    this.#made = made;
    // Without an await between: no change falls between the listener and the comparison.
    mirror.onChange((key, stored) => this.#apply(key, stored));
    const present = new Set<string>();
    for (const [key] of mirror.entries()) {
      present.add(key);
      const stored = mirror.stored(key);
      if (!isSameStore || stored?.revision !== this.#known.get(key)?.revision) this.#apply(key, stored);
    }
    for (const key of [...this.#known.keys()]) if (!present.has(key)) this.#apply(key, undefined);
  }

  /** Resolves with true when `is` accepts what is known of the key, with false after `boundMs`. */
  reached(key: string, is: (stored: Stored<T> | undefined) => boolean, boundMs = 1_000): Promise<boolean> {
    if (is(this.#known.get(key))) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (outcome: boolean) => {
        clearTimeout(timer);
        stop();
        resolve(outcome);
      };
      const timer = setTimeout(() => end(false), boundMs);
      const stop = this.onChange((changed, stored) => {
        if (changed === key && is(stored)) end(true);
      });
    });
  }

  stop(): void {
    this.#listeners.clear();
    this.#mirror?.stop();
  }

  #apply(key: string, stored: Stored<T> | undefined): void {
    const before = this.#known.get(key)?.value;
    if (stored === undefined) {
      if (!this.#known.delete(key)) return;
    } else {
      this.#known.set(key, stored);
    }
    for (const listener of [...this.#listeners]) listener(key, stored, before);
  }

  async #madeAt(): Promise<string> {
    const kv = await new Kvm(this.#options.nc).open(this.#options.bucket);
    const { streamInfo } = await kv.status();
    return streamInfo.created;
  }
}

/** A mirror that is filled too late is stopped when it comes, so that nothing is left running. */
async function filled<T>(opening: Promise<Mirror<T>>): Promise<Mirror<T>> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`the bucket was not read within ${FILL_BOUND_MS} ms`));
    opening.then((mirror) => mirror.stop()).catch(() => undefined);
  }, FILL_BOUND_MS);
  try {
    return await Promise.race([opening, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
