/** A bucket's live contents in memory, kept by a watch that outlives broker restarts. Reads do no I/O. */
import type { JsonBucket, Stored } from './json-bucket.ts';

export class Mirror<T> {
  readonly #entries = new Map<string, Stored<T>>();
  readonly #listeners = new Set<(key: string, stored: Stored<T> | undefined) => void>();
  #stop: () => void = () => {};

  private constructor() {}

  /** Resolves when everything that the bucket held is here. */
  static async of<T>(bucket: JsonBucket<T>): Promise<Mirror<T>> {
    const mirror = new Mirror<T>();
    const watch = await bucket.watch((key, stored) => mirror.#apply(key, stored));
    mirror.#stop = watch.stop;
    await watch.initial;
    return mirror;
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

  /** Told of each change after the initial contents; `undefined` means that the key is gone. */
  onChange(listener: (key: string, stored: Stored<T> | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#stop();
    this.#listeners.clear();
  }

  #apply(key: string, stored: Stored<T> | undefined): void {
    if (stored === undefined) this.#entries.delete(key);
    else this.#entries.set(key, stored);
    for (const listener of this.#listeners) listener(key, stored);
  }
}
