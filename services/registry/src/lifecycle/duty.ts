/**
 * The duty of the lifecycle: held by one registry, taken over by another within 5 s of its holder's death.
 *
 *   aspiring ── acquired ──▶ holding ── lost ──▶ aspiring
 *
 *   D1  `begin` and `end` take turns; `end` comes when the lease was lost, or at the stop.
 *   D2  A stop gives the lease up at once, so that nobody waits for it.
 */
import { Lease, type LeaseOptions, SeenLease } from '@frame-buffer/jetstream';
import { dutyLeaseKey } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';

/** With attempts a quarter of it apart, a dead holder's duty is taken over within 4 s. */
const TTL_MS = 3_000;
const ATTEMPT_EVERY_MS = TTL_MS / 4;

export interface DutyOptions {
  readonly bucket: LeaseOptions['bucket'];
  readonly name: string;
  /** This registry's instance. */
  readonly owner: string;
  readonly begin: () => void;
  readonly end: () => void;
  readonly log: Logger;
}

export class Duty {
  readonly #options: DutyOptions;
  readonly #seen = new SeenLease();
  readonly #timer: NodeJS.Timeout;
  #lease: Lease | undefined;
  #attempt: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: DutyOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#try(), ATTEMPT_EVERY_MS);
    this.#timer.unref();
    this.#try();
  }

  get isHeld(): boolean {
    return this.#lease?.isHeld ?? false;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#attempt;
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease === undefined) return;
    this.#options.end();
    await lease.release();
  }

  #try(): void {
    if (this.#isStopped || this.#lease !== undefined || this.#attempt !== undefined) return;
    this.#attempt = this.#acquire().finally(() => {
      this.#attempt = undefined;
    });
  }

  async #acquire(): Promise<void> {
    const { bucket, name, owner, begin, end, log } = this.#options;
    const options: LeaseOptions = {
      bucket,
      key: dutyLeaseKey(name),
      owner,
      ttlMs: TTL_MS,
      onLost: () => {
        this.#lease = undefined;
        log.warn('duty.lost', { duty: name });
        end();
      },
    };
    // A broker that does not answer is asked again at the next turn.
    const lease = await Lease.tryAcquire(options, this.#seen).catch(() => undefined);
    if (lease === undefined) return;
    if (this.#isStopped) return lease.release();
    this.#lease = lease;
    log.info('duty.taken', { duty: name, epoch: lease.epoch });
    begin();
  }
}
