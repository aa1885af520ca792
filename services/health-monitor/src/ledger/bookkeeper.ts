/**
 * Keeps the books and balances them: every few seconds while somebody asks, else now and then.
 *
 *   K1  A snapshot is of one moment: the streams are read, then everything that was settled before the end of that reading is applied,
 *       then the sums are made. An attempt that cannot be finished changes nothing.
 *   K2  Tasks in the queue of a processor that does not settle, gone from the streams without outcome by the same rule that makes others
 *       unaccounted (audit.ts, A2), were acknowledged by it: they are settled `processed/acked`. The orchestrator does so as a rule, from the
 *       broker's ack metric; this is for the case that it, or the metric, was lost.
 *   K3  A stream that has been replaced by another begins new books.
 */
import type { SettlementWriter } from '@frame-buffer/jetstream';
import {
  decodeSettlement,
  FrameBufferError,
  type Settlement,
  type SettlementEntry,
  STREAM,
} from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import type { StoredMessage } from '../streams/direct-read.ts';
import type { StreamStates } from '../streams/stream-states.ts';
import { Audit } from './audit.ts';
import { type Snapshot, toRows } from './balance.ts';
import { Books } from './fold.ts';
import { SettlementFollower } from './follower.ts';
import { settleAcknowledged } from './plain-processors.ts';
import { combine, difference } from './sets.ts';
import { type Scan, scanStreams } from './stream-scan.ts';

/** What the books need to know of the KV records. */
export interface Records {
  /** Is it registered, as one that does not settle? */
  isPlain(processor: string): boolean;
  /** Milliseconds that a task of this capability can live, Infinity where it never expires. */
  longestLifeMs(capability: string): number;
}

export interface BookkeeperOptions {
  readonly nc: NatsConnection;
  readonly states: StreamStates;
  readonly records: Records;
  readonly writer: SettlementWriter;
  readonly log: Logger;
  /** Messages in FRAMES and WORK up to which `in_flight` is counted exactly. */
  readonly exactMessages: number;
  /** Milliseconds between balances while nobody asks. */
  readonly idleMs: number;
  /** Told of every settlement, for counters and rates. */
  readonly onSettlement?: (settlement: Settlement, stampMs: number) => void;
  readonly onUnreadable?: () => void;
  readonly onSnapshot?: (snapshot: Snapshot) => void;
}

/** Outcomes of tasks captured this long after a beginning that is gone may be among what is gone. */
export const TRUNCATION_GRACE_MS = 60_000;
const WHILE_ASKED_MS = 2_000;
const ASKED_FOR_MS = 10_000;
const CATCH_UP_MS = 3_000;

export class Bookkeeper {
  readonly #options: BookkeeperOptions;
  readonly #books = new Books();
  readonly #follower: SettlementFollower;
  #audit = new Audit();
  #created: string | undefined;
  #exactSinceMs: number | undefined;
  #snapshot: Snapshot | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #underWay: Promise<Snapshot> | undefined;
  #next: Promise<Snapshot> | undefined;
  #failing = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: BookkeeperOptions) {
    this.#options = options;
    const { nc, log } = options;
    this.#follower = new SettlementFollower({
      nc,
      log,
      onSettlement: (message) => this.#apply(message),
      onGap: ({ from, to, next }) => {
        log.warn('settlements.gone', {
          from,
          to,
          exact_since: new Date(next.stampMs + TRUNCATION_GRACE_MS).toISOString(),
        });
        this.#exactSinceMs = next.stampMs + TRUNCATION_GRACE_MS;
      },
    });
  }

  /** Balances at once and from then on, until `stop`. */
  start(): void {
    this.#follower.start();
    this.#schedule(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#follower.stop();
    await this.#next?.catch(() => {});
    await this.#underWay?.catch(() => {});
  }

  /** The last balance; undefined before the first. Asking keeps the balances coming quickly. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  asked(): void {
    const wasIdle = !this.#isAsked();
    this.#askedAt = performance.now();
    if (wasIdle && this.#underWay === undefined) this.#schedule(WHILE_ASKED_MS);
  }

  /** A balance that begins after this call; those who ask together share one. Throws what the attempt failed with, retryable. */
  balanceNow(): Promise<Snapshot> {
    if (this.#underWay === undefined) return this.#begin();
    this.#next ??= this.#underWay
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#begin();
      });
    return this.#next;
  }

  #begin(): Promise<Snapshot> {
    if (this.#underWay !== undefined) return this.#underWay;
    const beganAt = performance.now();
    clearTimeout(this.#timer);
    this.#underWay = this.#balance().finally(() => {
      this.#underWay = undefined;
      const interval = this.#isAsked() ? Math.min(WHILE_ASKED_MS, this.#options.idleMs) : this.#options.idleMs;
      // A long scan rests longer: the books must not eat what they count. One that failed was waiting, not working.
      const restMs = this.#failing ? 0 : 4 * (performance.now() - beganAt);
      this.#schedule(Math.max(interval, restMs));
    });
    return this.#underWay;
  }

  #schedule(ms: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#begin().then(
        () => this.#report(undefined),
        (error: unknown) => this.#report(error),
      );
    }, ms);
  }

  #isAsked(): boolean {
    return performance.now() - this.#askedAt < ASKED_FOR_MS;
  }

  async #balance(): Promise<Snapshot> {
    const { nc, states, exactMessages } = this.#options;
    await this.#notice(await states.fresh(STREAM.settlements));
    const scan = await scanStreams({ nc, states, maxMessages: exactMessages });
    const settlements = await states.fresh(STREAM.settlements);
    // A stream whose messages have all aged out has a last sequence that nobody can read.
    const last = settlements === undefined || settlements.messages === 0 ? 0 : settlements.lastSequence;
    if (!(await this.#follower.reached(last, CATCH_UP_MS))) {
      throw new FrameBufferError(
        'ledger_unavailable',
        `the ledger has read SETTLEMENTS up to ${this.#follower.applied} of ${last} and is catching up`,
        { retryable: true },
      );
    }
    const snapshot = this.#close(scan);
    this.#snapshot = snapshot;
    this.#options.onSnapshot?.(snapshot);
    return snapshot;
  }

  /** Sums up. Synchronous: nothing is applied meanwhile. */
  #close({ holdings, exact, tasks }: Scan): Snapshot {
    const { records, writer, log } = this.#options;
    for (const { id, sequences } of holdings.accounts()) this.#books.account(id).witness(sequences);
    const summaries = this.#books.summaries();
    const open = new Map(summaries.flatMap((row) => (row.open.isEmpty ? [] : [[row.key, row.open] as const])));
    const held = holdings.sets();
    let unaccounted = this.#audit.observe({
      atMs: performance.now(),
      open,
      held,
      exact,
      longestLifeMs: (key) => records.longestLifeMs(this.#books.find(key)?.id.capability ?? ''),
    });
    if (exact) {
      const acknowledged = settleAcknowledged({ books: this.#books, missing: unaccounted, records, writer, log });
      unaccounted = combine(unaccounted, acknowledged, difference);
    }
    return {
      takenAtMs: Date.now(),
      rows: toRows(summaries, held, unaccounted),
      exact,
      scale: exact || holdings.size === 0 ? 1 : tasks / holdings.size,
      exactSinceMs: this.#exactSinceMs,
    };
  }

  /** A stream that was deleted and made anew counts from 1 again; what was known of the old one cannot be continued. */
  async #notice(settlements: { readonly created: string } | undefined): Promise<void> {
    const { log } = this.#options;
    if (settlements === undefined) {
      throw new FrameBufferError(
        'ledger_unavailable',
        'the stream SETTLEMENTS does not exist: start the registry, which makes it',
        {
          retryable: true,
        },
      );
    }
    if (this.#created !== undefined && this.#created !== settlements.created) {
      log.warn('ledger.begunAnew', { created: settlements.created, accounts: this.#books.size });
      this.#books.clear();
      this.#audit = new Audit();
      this.#exactSinceMs = undefined;
      this.#follower.restart();
    }
    this.#created = settlements.created;
  }

  #apply({ data, stampMs, sequence }: StoredMessage): void {
    const opened = decodeSettlement(data);
    if (!opened.ok) {
      this.#options.log.error('settlement.unreadable', { sequence, reason: opened.reason, detail: opened.detail });
      this.#options.onUnreadable?.();
      return;
    }
    this.#books.apply(opened.settlement, (entry) => this.#isComplete(entry, stampMs));
    this.#options.onSettlement?.(opened.settlement, stampMs);
  }

  /** Right after a gap, what was captured may have been settled within the gap: only what still gets an outcome is counted. */
  #isComplete({ kind }: SettlementEntry, stampMs: number): boolean {
    return kind !== 'captured' || this.#exactSinceMs === undefined || stampMs >= this.#exactSinceMs;
  }

  #report(error: unknown): void {
    const failing = error !== undefined;
    if (failing === this.#failing || this.#stopped) return;
    this.#failing = failing;
    if (failing) this.#options.log.warn('ledger.notBalanced', { error });
    else this.#options.log.info('ledger.balancedAgain');
  }
}
