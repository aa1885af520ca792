/**
 * Leases: a duty that must be done by exactly one, taken over within seconds of its holder's death.
 *
 *   E1  At most one holder writes a lease at a time: every change is a compare-and-set on its revision.
 *   E2  A lease is taken over only when its revision has not moved for `ttlMs` by the taker's *own* monotonic clock.
 *   E3  The epoch grows with every acquisition, whatever the clocks say.
 *   E4  A holder cut off from the broker goes on until it learns otherwise; what it writes meanwhile carries its older epoch.
 *
 * No clocks are compared, and nothing expires in the broker, so that a broker's outage moves no lease.
 */

import { z } from 'zod';
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
  readonly bucket: JsonBucket<LeaseRecord>;
  readonly key: string;
  readonly owner: string;
  /** How long an unrenewed lease of somebody else must be watched before it is taken. */
  readonly ttlMs?: number;
  readonly onLost: () => void;
}

const DEFAULT_TTL_MS = 4_000;

export class Lease {
  readonly epoch: number;
  readonly #options: LeaseOptions;
  readonly #timer: NodeJS.Timeout;
  #revision: number;
  #record: LeaseRecord;
  #renewing = false;
  #ended = false;

  private constructor(options: LeaseOptions, record: LeaseRecord, revision: number) {
    this.#options = options;
    this.#record = record;
    this.#revision = revision;
    this.epoch = record.epoch;
    const ttlMs = options.ttlMs ?? DEFAULT_TTL_MS;
    this.#timer = setInterval(() => void this.#renew(), ttlMs / 4);
    this.#timer.unref();
  }

  /**
   * One attempt. Returns undefined while somebody else holds it; then `seen` remembers what was seen, and must be handed in
   * again at the next attempt.
   */
  static async tryAcquire(options: LeaseOptions, seen: SeenLease): Promise<Lease | undefined> {
    const current = await options.bucket.get(options.key);
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

  /** Gives it up at once, so that somebody else need not wait. */
  async release(): Promise<void> {
    if (this.#ended) return;
    this.#end();
    const record = { ...this.#record, owner: '' };
    await this.#options.bucket.update(this.#options.key, record, this.#revision).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    if (this.#ended || this.#renewing) return;
    this.#renewing = true;
    const record = { ...this.#record, renewals: this.#record.renewals + 1 };
    try {
      const written = await this.#options.bucket.update(this.#options.key, record, this.#revision);
      if (this.#ended) return;
      if (!written.ok) return await this.#checkConflict(record);
      this.#record = record;
      this.#revision = written.revision;
    } catch {
      // E4: the broker does not answer; the next renewal tells.
    } finally {
      this.#renewing = false;
    }
  }

  /** A renewal whose answer was lost looks like a conflict: ours is the one with our owner, epoch and count. */
  async #checkConflict(sent: LeaseRecord): Promise<void> {
    const current = await this.#options.bucket.get(this.#options.key);
    const ours = current?.value.owner === sent.owner && current.value.epoch === sent.epoch;
    if (!ours || current === undefined) return this.#lose();
    this.#record = current.value;
    this.#revision = current.revision;
  }

  #lose(): void {
    if (this.#ended) return;
    this.#end();
    this.#options.onLost();
  }

  #end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
  }
}

/** What an aspirant has seen of somebody else's lease. */
export class SeenLease {
  #revision = -1;
  #since = 0;

  /** For how long the revision has stood still, by this process's monotonic clock. */
  stillForMs(revision: number): number {
    const now = performance.now();
    if (revision !== this.#revision) {
      this.#revision = revision;
      this.#since = now;
    }
    return now - this.#since;
  }
}

function isFree(current: Stored<LeaseRecord>, seen: SeenLease, options: LeaseOptions): boolean {
  if (current.value.owner === '') return true;
  return seen.stillForMs(current.revision) >= (options.ttlMs ?? DEFAULT_TTL_MS);
}
