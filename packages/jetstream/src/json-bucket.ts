/**
 * A KV bucket of JSON records, checked by a schema at the edge: what does not fit is reported and left alone.
 */

import { FrameBufferError } from '@frame-buffer/protocol';
import { jetstream } from '@nats-io/jetstream';
import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import type { ZodType } from 'zod';

export interface Stored<T> {
  readonly key: string;
  readonly value: T;
  readonly revision: number;
}

/** `conflict`: somebody else wrote since the revision that was read. */
export type Written =
  | { readonly ok: true; readonly revision: number }
  | { readonly ok: false; readonly reason: 'conflict' };

export interface BucketOptions<T> {
  readonly nc: NatsConnection;
  readonly bucket: string;
  readonly schema: ZodType<T>;
  readonly onInvalid?: (key: string, detail: string) => void;
}

export class JsonBucket<T> {
  readonly #kv: KV;
  readonly #options: BucketOptions<T>;

  private constructor(kv: KV, options: BucketOptions<T>) {
    this.#kv = kv;
    this.#options = options;
  }

  /** Opens a bucket that the registry has made. Fails when it does not exist. */
  static async open<T>(options: BucketOptions<T>): Promise<JsonBucket<T>> {
    const js = jetstream(options.nc);
    const kv = await new Kvm(js).open(options.bucket, { allow_direct: true } as object);
    await kv.status();
    return new JsonBucket(kv, options);
  }

  async get(key: string): Promise<Stored<T> | undefined> {
    const entry = await this.#kv.get(key);
    return entry === null ? undefined : this.#read(entry);
  }

  /** Writes whatever is there now. Resets the TTL of the key. */
  put(key: string, value: T): Promise<number> {
    return this.#kv.put(key, JSON.stringify(value));
  }

  /** Writes only if there is nothing. */
  create(key: string, value: T): Promise<Written> {
    return written(() => this.#kv.create(key, JSON.stringify(value)));
  }

  /** Writes only if the revision is still the one that was read. */
  update(key: string, value: T, revision: number): Promise<Written> {
    return written(() => this.#kv.update(key, JSON.stringify(value), revision));
  }

  async delete(key: string): Promise<void> {
    await this.#kv.delete(key);
  }

  async all(): Promise<Stored<T>[]> {
    const found: Stored<T>[] = [];
    const keys: string[] = [];
    for await (const key of await this.#kv.keys()) keys.push(key);
    for (const key of keys) {
      const stored = await this.get(key);
      if (stored !== undefined) found.push(stored);
    }
    return found;
  }

  /** Follows a bucket; see `Mirror`, which most callers want. Entries come in the order of their revisions. */
  async watch(
    on: (key: string, stored: Stored<T> | undefined) => void,
  ): Promise<{ stop(): void; initial: Promise<void> }> {
    const watch = await this.#kv.watch();
    const { values: pending } = await this.#kv.status();
    let left = pending;
    let done: () => void = () => {};
    const initial = new Promise<void>((resolve) => {
      done = resolve;
    });
    if (left === 0) done();
    void (async () => {
      for await (const entry of watch) {
        const gone = entry.operation !== 'PUT';
        on(entry.key, gone ? undefined : this.#read(entry));
        left -= 1;
        if (left <= 0 || entry.delta === 0) done();
      }
      done();
    })();
    return { stop: () => watch.stop(), initial };
  }

  #read(entry: KvEntry): Stored<T> | undefined {
    if (entry.operation !== 'PUT') return undefined;
    try {
      const parsed = this.#options.schema.safeParse(entry.json());
      if (parsed.success) return { key: entry.key, value: parsed.data, revision: entry.revision };
      this.#options.onInvalid?.(entry.key, parsed.error.message);
    } catch {
      this.#options.onInvalid?.(entry.key, 'no JSON');
    }
    return undefined;
  }
}

/** Source: nats-server error 10071 "wrong last sequence". */
const WRONG_LAST_SEQUENCE = 10071;

async function written(write: () => Promise<number>): Promise<Written> {
  try {
    return { ok: true, revision: await write() };
  } catch (error) {
    if (isConflict(error)) return { ok: false, reason: 'conflict' };
    throw new FrameBufferError('kv_unavailable', 'the key-value store did not answer', {
      retryable: true,
      cause: error,
    });
  }
}

function isConflict(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === WRONG_LAST_SEQUENCE;
}
