/**
 * A KV bucket of JSON records, checked by a schema at the edge: what does not fit is reported, left alone, and read as absent.
 *
 * Every method that asks the broker throws `kv_unavailable` (retryable) when it does not answer in time, and `invalid_key` for
 * a key that KV does not allow. A write that failed so may have been done nevertheless.
 */

import { FrameBufferError, InvalidInputError } from '@frame-buffer/protocol';
import { JetStreamApiCodes, JetStreamApiError, jetstream } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import type { ZodType } from 'zod';
import { BucketWatch } from './bucket-watch.ts';

export interface Stored<T> {
  readonly key: string;
  readonly value: T;
  readonly revision: number;
  /** When the broker stored it, milliseconds since 1970; known where it was watched. Compare through `BrokerClock`. */
  readonly stampedAtMs?: number;
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

/** What `JsonBucket.watch` hands out. */
export interface Following {
  /** Resolves when everything that the bucket holds was told. */
  readonly initial: Promise<void>;
  /** False from the loss of the broker until everything was read anew. */
  isCurrent(): boolean;
  stop(): void;
}

const REQUEST_MS = 5_000;
const KEY = /^[-/=\w](?:[-/=.\w]*[-/=\w])?$/;

export class JsonBucket<T> {
  readonly #kv: KV;
  readonly #options: BucketOptions<T>;

  private constructor(kv: KV, options: BucketOptions<T>) {
    this.#kv = kv;
    this.#options = options;
  }

  /** Opens a bucket that the registry has made. Throws `bucket_missing` (retryable) when it does not exist. */
  static async open<T>(options: BucketOptions<T>): Promise<JsonBucket<T>> {
    try {
      const js = jetstream(options.nc, { timeout: REQUEST_MS });
      const kv = await new Kvm(js).open(options.bucket, { allow_direct: true });
      await kv.status();
      return new JsonBucket(kv, options);
    } catch (cause) {
      if (!hasCode(cause, JetStreamApiCodes.StreamNotFound)) throw toError(cause);
      const message = `there is no bucket ${options.bucket} (yet): the registry makes it`;
      throw new FrameBufferError('bucket_missing', message, { retryable: true, cause });
    }
  }

  async get(key: string): Promise<Stored<T> | undefined> {
    const entry = await this.#ask(key, () => this.#kv.get(key));
    // The broker's markers of removed keys are empty.
    if (entry === null || entry.operation !== 'PUT' || entry.value.length === 0) return undefined;
    return this.#read(key, entry.value, entry.revision);
  }

  /** Writes whatever is there now; resolves to the revision. Resets the TTL of the key. */
  put(key: string, value: T): Promise<number> {
    return this.#ask(key, () => this.#kv.put(key, JSON.stringify(value)));
  }

  /** Writes only if there is nothing, or no longer anything. */
  create(key: string, value: T): Promise<Written> {
    return this.#write(key, () => this.#kv.create(key, JSON.stringify(value)));
  }

  /**
   * Writes only if the revision is still the one that was read. `timeoutMs` (5000) bounds the wait for the answer. A deletion
   * is a revision too: afterwards only `create` writes.
   */
  update(key: string, value: T, revision: number, options: { timeoutMs?: number } = {}): Promise<Written> {
    if (!(revision > 0)) return Promise.resolve({ ok: false, reason: 'conflict' });
    return this.#write(key, () =>
      this.#kv.update(key, JSON.stringify(value), revision, options.timeoutMs ?? REQUEST_MS),
    );
  }

  async delete(key: string): Promise<void> {
    await this.#ask(key, () => this.#kv.delete(key));
  }

  /** Everything that is there, in the order of the revisions. */
  async all(): Promise<Stored<T>[]> {
    const found: Stored<T>[] = [];
    const following = this.#follow((_key, stored) => {
      if (stored !== undefined) found.push(stored);
    });
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const alarm = setTimeout(resolve, REQUEST_MS);
    try {
      await Promise.race([following.initial, late]);
      if (following.isCurrent()) return found;
    } finally {
      clearTimeout(alarm);
      following.stop();
    }
    throw toError(new Error(`the bucket was not read within ${REQUEST_MS} ms`));
  }

  /**
   * Follows the bucket through outages; see `Mirror`, which most callers want. Each revision of a key is told once; `undefined`
   * means that the key is gone (or that its record is invalid).
   */
  watch(on: (key: string, stored: Stored<T> | undefined) => void): Promise<Following> {
    return Promise.resolve(this.#follow(on));
  }

  #follow(on: (key: string, stored: Stored<T> | undefined) => void): Following {
    const { nc, bucket } = this.#options;
    const watch = new BucketWatch({
      nc,
      bucket,
      onChange: ({ key, value, revision, stampedAtMs }) => {
        const stored = value && this.#read(key, value, revision);
        on(key, stored && { ...stored, stampedAtMs });
      },
    });
    return { initial: watch.initial, isCurrent: () => watch.isCurrent, stop: () => watch.stop() };
  }

  #read(key: string, value: Uint8Array, revision: number): Stored<T> | undefined {
    let record: unknown;
    try {
      record = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString());
    } catch {
      this.#options.onInvalid?.(key, 'no JSON');
      return undefined;
    }
    const parsed = this.#options.schema.safeParse(record);
    if (parsed.success) return { key, value: parsed.data, revision };
    this.#options.onInvalid?.(key, parsed.error.message);
    return undefined;
  }

  async #write(key: string, write: () => Promise<number>): Promise<Written> {
    try {
      return { ok: true, revision: await this.#ask(key, write) };
    } catch (error) {
      if (isConflict(error)) return { ok: false, reason: 'conflict' };
      throw error;
    }
  }

  async #ask<R>(key: string, request: () => Promise<R>): Promise<R> {
    if (!KEY.test(key)) {
      const shown = JSON.stringify(key.slice(0, 100));
      throw new InvalidInputError('key', `${shown} is no key: use letters, digits, "-", "_", "/", "=" and inner dots`);
    }
    try {
      return await request();
    } catch (error) {
      throw toError(error);
    }
  }
}

function toError(cause: unknown): FrameBufferError {
  if (cause instanceof FrameBufferError) return cause;
  const message = 'the key-value store did not answer as it should';
  return new FrameBufferError('kv_unavailable', message, { retryable: true, cause });
}

/** 10071 names the last sequence, 10164 (clusters) does not. */
function isConflict(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return (
    hasCode(cause, JetStreamApiCodes.StreamWrongLastSequence) ||
    hasCode(cause, JetStreamApiCodes.StreamWrongLastSequenceUnknown)
  );
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
