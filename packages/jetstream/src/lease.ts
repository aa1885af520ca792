/**
 * Leases: a duty that must be done by exactly one, taken over within seconds of its holder's death.
 *
 *   E1  At most one holder writes a lease at a time: every change is a compare-and-set on its revision.
 *   E2  A lease is taken over only when its revision has stood still for `ttlMs` by the taker's *own* monotonic clock, during
 *       which the broker answered the taker: an outage of the broker moves no lease.
 *   E3  The epoch grows with every acquisition, whatever the clocks say.
 *   E4  A holder cut off from the broker goes on until it learns otherwise; what it writes meanwhile carries its older epoch.
 *
 * No clocks are compared, and nothing expires in the broker.
 *
 * States of a lease in hand: *held*, renewed four times per `ttlMs` → *lost* (`onLost`, once) or *released*, both final.
 */

import { z } from 'zod';
import { guarded } from './guarded.ts';
import type { JsonBucket, Stored } from './json-bucket.ts';

export const leaseSchema = z.object({
  /** Empty when released. */
  owner: z.string(),
  /** Milliseconds since 1970 at acquisition, or more where clocks went back. */
  epoch: z.int().min(0),
  renewals: z.int().min(0),
});

export type LeaseRecord = z.infer<typeof leaseSchema>;

export interface LeaseOptions {
  readonly bucket: Pick<JsonBucket<LeaseRecord>, 'get' | 'create' | 'update'>;
  readonly key: string;
  /** Unique among all processes, and not empty. */
  readonly owner: string;
  /** How long an unrenewed lease of somebody else must be watched before it is taken; default 4000. */
  readonly ttlMs?: number;
  /** Somebody else has it, or it was deleted: whatever it stands for has to end. */
  readonly onLost: () => void;
}

const DEFAULT_TTL_MS = 4_000;
const RENEWALS_PER_TTL = 4;

export class Lease {
  readonly epoch: number;
  readonly #options: LeaseOptions;
  readonly #timeoutMs: number;
  readonly #timer: NodeJS.Timeout;
  #revision: number;
  #record: LeaseRecord;
  #renewal: Promise<void> | undefined;
  #ended = false;

  private constructor(options: LeaseOptions, record: LeaseRecord, revision: number) {
    this.#options = options;
    this.#record = record;
    this.#revision = revision;
    this.epoch = record.epoch;
    // A renewal that waits longer than this would keep the next one from being in time after an outage.
    this.#timeoutMs = (options.ttlMs ?? DEFAULT_TTL_MS) / RENEWALS_PER_TTL;
    this.#timer = setInterval(() => this.#tick(), this.#timeoutMs);
    this.#timer.unref();
  }

  /**
   * One attempt; call it about `ttlMs / 4` apart while somebody else holds the lease, always with the same `seen`, which
   * remembers what was seen. Returns undefined while it is not to be had. Throws `kv_unavailable` (retryable).
   */
  static async tryAcquire(options: LeaseOptions, seen: SeenLease): Promise<Lease | undefined> {
    const current = await look(options, seen);
    if (current !== undefined && !isFree(current, seen, options)) return undefined;
    const record: LeaseRecord = {
      owner: options.owner,
      epoch: Math.max((current?.value.epoch ?? 0) + 1, Date.now()),
      renewals: 0,
    };
    const written =
      current === undefined
        ? await options.bucket.create(options.key, record)
        : await options.bucket.update(options.key, record, current.revision);
    return written.ok ? new Lease(options, record, written.revision) : undefined;
  }

  get isHeld(): boolean {
    return !this.#ended;
  }

  /** Gives it up at once, so that somebody else need not wait. Never rejects: unheard of, it is free after `ttlMs`. */
  async release(): Promise<void> {
    if (this.#ended) return;
    this.#end();
    // A renewal under way decides which revision is ours.
    await this.#renewal;
    const record = { ...this.#record, owner: '' };
    const { bucket, key } = this.#options;
    await bucket.update(key, record, this.#revision, { timeoutMs: this.#timeoutMs }).catch(() => undefined);
  }

  #tick(): void {
    if (this.#ended || this.#renewal !== undefined) return;
    this.#renewal = this.#renew().finally(() => {
      this.#renewal = undefined;
    });
  }

  async #renew(): Promise<void> {
    const record = { ...this.#record, renewals: this.#record.renewals + 1 };
    const { bucket, key } = this.#options;
    try {
      const written = await bucket.update(key, record, this.#revision, { timeoutMs: this.#timeoutMs });
      if (!written.ok) return await this.#checkConflict();
      this.#record = record;
      this.#revision = written.revision;
    } catch {
      // E4: the broker does not answer; the next renewal tells.
    }
  }

  /** A renewal whose answer was lost looks like a conflict: ours is the one with our owner and epoch. */
  async #checkConflict(): Promise<void> {
    const current = await this.#options.bucket.get(this.#options.key);
    if (current?.value.owner !== this.#options.owner || current.value.epoch !== this.epoch) return this.#lose();
    this.#record = current.value;
    this.#revision = current.revision;
  }

  #lose(): void {
    if (this.#ended) return;
    this.#end();
    guarded(this.#options.onLost);
  }

  #end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
  }
}

/** What one aspirant has seen of one lease of somebody else. */
export class SeenLease {
  #revision = -1;
  #stoodStillMs = 0;
  #answeredAt: number | undefined;

  /**
   * For how long the revision has stood still while the broker answered: from one answer to the next question, since nobody
   * can renew while the broker is away. A pause between two looks counts for `longestMs` at most.
   */
  stillForMs(revision: number, askedAt: number, longestMs: number): number {
    if (revision !== this.#revision) {
      this.#revision = revision;
      this.#stoodStillMs = 0;
    } else if (this.#answeredAt !== undefined) {
      this.#stoodStillMs += Math.min(askedAt - this.#answeredAt, longestMs);
    }
    this.#answeredAt = performance.now();
    return this.#stoodStillMs;
  }

  /** The broker did not answer: whoever holds the lease gets the whole time anew. */
  forget(): void {
    this.#revision = -1;
    this.#answeredAt = undefined;
  }
}

interface Seen extends Stored<LeaseRecord> {
  readonly askedAt: number;
}

async function look({ bucket, key }: LeaseOptions, seen: SeenLease): Promise<Seen | undefined> {
  const askedAt = performance.now();
  try {
    const current = await bucket.get(key);
    return current && { ...current, askedAt };
  } catch (error) {
    seen.forget();
    throw error;
  }
}

function isFree(current: Seen, seen: SeenLease, { ttlMs = DEFAULT_TTL_MS }: LeaseOptions): boolean {
  if (current.value.owner === '') return true;
  return seen.stillForMs(current.revision, current.askedAt, ttlMs / 2) >= ttlMs;
}
