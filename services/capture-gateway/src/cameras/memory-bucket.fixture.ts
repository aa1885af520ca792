/** A KV bucket in memory, with revisions and watchers as the real one has them. */
import type { Following, JsonBucket, Stored, Written } from '@frame-buffer/jetstream';

type Watcher<T> = (key: string, stored: Stored<T> | undefined) => void;

class MemoryBucket<T> implements Pick<JsonBucket<T>, 'get' | 'put' | 'create' | 'update' | 'delete' | 'watch'> {
  readonly #entries = new Map<string, Stored<T>>();
  readonly #watchers = new Set<Watcher<T>>();
  #revision = 0;

  get(key: string): Promise<Stored<T> | undefined> {
    return Promise.resolve(this.#entries.get(key));
  }

  put(key: string, value: T): Promise<number> {
    const stored = { key, value, revision: ++this.#revision };
    this.#entries.set(key, stored);
    for (const tell of this.#watchers) tell(key, stored);
    return Promise.resolve(stored.revision);
  }

  create(key: string, value: T): Promise<Written> {
    return this.#entries.has(key) ? conflict() : this.#written(key, value);
  }

  update(key: string, value: T, revision: number): Promise<Written> {
    return this.#entries.get(key)?.revision === revision ? this.#written(key, value) : conflict();
  }

  delete(key: string): Promise<void> {
    this.#entries.delete(key);
    for (const tell of this.#watchers) tell(key, undefined);
    return Promise.resolve();
  }

  watch(on: Watcher<T>): Promise<Following> {
    for (const [key, stored] of this.#entries) on(key, stored);
    this.#watchers.add(on);
    return Promise.resolve({
      initial: Promise.resolve(),
      isCurrent: () => true,
      stop: () => this.#watchers.delete(on),
    });
  }

  async #written(key: string, value: T): Promise<Written> {
    return { ok: true, revision: await this.put(key, value) };
  }
}

function conflict(): Promise<Written> {
  return Promise.resolve({ ok: false, reason: 'conflict' });
}

/** The class has private parts, so that no other one is its like for the type checker. */
export function memoryBucket<T>(): JsonBucket<T> {
  return new MemoryBucket<T>() as unknown as JsonBucket<T>;
}
