/**
 * A bucket's live contents in memory, kept by a watch that outlives broker restarts. Reads do no I/O. What the mirror shows
 * during an outage is what was last known; `isCurrent` tells.
 */
import type { Following, JsonBucket, Stored } from './json-bucket.ts';

export class Mirror<T> {
  readonly #entries = new Map<string, Stored<T>>();
  readonly #listeners = new Set<(key: string, stored: Stored<T> | undefined) => void>();
  #following: Following | undefined;

  private constructor() {}

  /** Resolves when everything that the bucket held is here. */
  static async of<T>(bucket: JsonBucket<T>): Promise<Mirror<T>> {
    const mirror = new Mirror<T>();
    mirror.#following = await bucket.watch((key, stored) => mirror.#apply(key, stored));
    await mirror.#following.initial;
    return mirror;
  }

  /** False from the loss of the broker until everything was read anew. */
  get isCurrent(): boolean {
    return this.#following?.isCurrent() ?? false;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  stored(key: string): Stored<T> | undefined {
    return this.#entries.get(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  *entries(): Generator<[string, T]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  *values(): Generator<T> {
    for (const { value } of this.#entries.values()) yield value;
  }

  /** Told of each change after the initial contents; `undefined` means that the key is gone. Returns what ends it. */
  onChange(listener: (key: string, stored: Stored<T> | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#following?.stop();
    this.#listeners.clear();
  }

  #apply(key: string, stored: Stored<T> | undefined): void {
    const wasThere = this.#entries.has(key);
    if (stored === undefined) this.#entries.delete(key);
    else this.#entries.set(key, stored);
    if (stored === undefined && !wasThere) return;
    for (const listener of this.#listeners) listener(key, stored);
  }
}
