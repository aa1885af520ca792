/**
 * The health-monitor without its HTTP: everything it knows, and how it comes to know it.
 *
 *   M1  It can be asked at any time. Before it has connected, and while the broker is away, health says so; the ledger answers its last
 *       balance, marked stale, or `ledger_unavailable` when there is none.
 *   M2  It starts in any order with the broker and the registry, and goes on by itself after an outage of the broker.
 */
import { BrokerClock, Publisher, SettlementWriter, watchConnection } from '@frame-buffer/jetstream';
import { FrameBufferError, STREAM } from '@frame-buffer/protocol';
import {
  brokerReadiness,
  type Identity,
  joinSystem,
  type Membership,
  type ReadinessCheck,
} from '@frame-buffer/service';
import type { Logger, Metrics } from '@frame-buffer/telemetry';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { Directory } from './directory.ts';
import { assess, type Health } from './health/assess.ts';
import { gatherFacts } from './health/gather.ts';
import { balance, type LedgerAnswer, type LedgerFilter, type Snapshot } from './ledger/balance.ts';
import { Bookkeeper } from './ledger/bookkeeper.ts';
import { MonitorMetrics, unaccountedOf } from './metrics.ts';
import { Activity } from './overview/activity.ts';
import { type Overview, toOverview } from './overview/overview.ts';
import { type Queues, readQueues } from './streams/queues.ts';
import { StreamStates } from './streams/stream-states.ts';
import { waitFor } from './waiting.ts';
import { within } from './within.ts';

export interface MonitorOptions {
  readonly natsUrl: string;
  /** The instance writes `settled.<instance>`. */
  readonly identity: Identity;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly ledgerIntervalMs: number;
  readonly ledgerExactMessages: number;
  /** Ends the waiting of `start`. */
  readonly signal: AbortSignal;
}

export interface LedgerQuery extends LedgerFilter {
  /** Wait for a balance that begins after the question. */
  readonly fresh?: boolean | undefined;
}

/** What there is only once the broker has been reached. */
interface Connected {
  readonly membership: Membership;
  readonly states: StreamStates;
  readonly publisher: Publisher;
  readonly clock: BrokerClock;
}

const FRESH_MS = 8_000;
/** A heartbeat's expiry, and one more beat. */
const SETTLE_AFTER_RECONNECT_MS = 5_000;
const NEEDED = [STREAM.frames, STREAM.work, STREAM.settlements] as const;

export class HealthMonitor {
  readonly #options: MonitorOptions;
  readonly #metrics: MonitorMetrics;
  readonly #activity = new Activity();
  #connection: Connected | undefined;
  #directory: Directory | undefined;
  #bookkeeper: Bookkeeper | undefined;
  #reconnectedAt = Number.NEGATIVE_INFINITY;
  #unaccounted = 0;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#metrics = new MonitorMetrics(options.metrics, {
      snapshot: () => this.#bookkeeper?.snapshot,
      states: () => this.#connection?.states,
    });
  }

  readonly checks: readonly ReadinessCheck[] = [
    brokerReadiness(() => this.#connection?.membership),
    { name: 'ledger', check: () => this.#bookkeeper?.snapshot !== undefined || 'SETTLEMENTS have not been read yet' },
  ];

  /** Resolves when the books have been balanced for the first time. Rejects with the signal's reason when that aborts. */
  async start(): Promise<Membership> {
    const { log, signal } = this.#options;
    const { membership, states, publisher } = await this.#connect();
    const { nc } = membership;
    await waitFor(async () => ((await this.#missing(states)).length === 0 ? true : undefined), {
      what: `the streams ${NEEDED.join(', ')}`,
      hint: 'start the registry, which makes them',
      log,
      signal,
    });
    const directory = await Directory.open(membership);
    this.#directory = directory;
    const bookkeeper = this.#keepBooks(nc, states, publisher, directory);
    await waitFor(() => bookkeeper.balanceNow(), {
      what: 'the first balance of the ledger',
      hint: 'it reads SETTLEMENTS from its beginning, which takes longer the more there is',
      log,
      signal,
    });
    return membership;
  }

  async stop(): Promise<void> {
    await this.#bookkeeper?.stop();
    this.#directory?.stop();
    this.#connection?.clock.stop();
    this.#connection?.publisher.close();
    await this.#connection?.membership.leave();
  }

  /** Throws `ledger_unavailable` (retryable). */
  async ledger({ fresh = false, ...filter }: LedgerQuery = {}): Promise<LedgerAnswer> {
    const bookkeeper = this.#bookkeeper;
    if (bookkeeper === undefined) throw unavailable('the broker and its streams have not been found yet');
    bookkeeper.asked();
    const snapshot = fresh ? await this.#freshSnapshot(bookkeeper) : bookkeeper.snapshot;
    if (snapshot === undefined) throw unavailable('SETTLEMENTS have not been read yet');
    return this.#answer(snapshot, filter);
  }

  /** Never throws. */
  async health(): Promise<Health> {
    const snapshot = this.#bookkeeper?.snapshot;
    const facts = await gatherFacts({
      natsUrl: this.#options.natsUrl,
      connected: this.#connected,
      justReconnected: performance.now() - this.#reconnectedAt < SETTLE_AFTER_RECONNECT_MS,
      ledger: {
        balanced: snapshot !== undefined,
        stale: snapshot !== undefined && this.#isStale(snapshot),
        unaccounted: snapshot === undefined ? 0 : unaccountedOf(snapshot),
      },
      nc: this.#connection?.membership.nc,
      states: this.#connection?.states,
      directory: this.#directory,
    });
    return assess(facts);
  }

  /** Throws `broker_unavailable` (retryable). */
  async queues(): Promise<Queues> {
    const states = this.#connection?.states;
    if (states === undefined || !this.#connected) throw brokerAway();
    return readQueues(states);
  }

  /** Throws `broker_unavailable` (retryable). */
  async overview(filter: LedgerFilter = {}): Promise<Overview> {
    const directory = this.#directory;
    const clock = this.#connection?.clock;
    if (directory === undefined || clock === undefined) throw brokerAway();
    this.#bookkeeper?.asked();
    const [queues, health] = await Promise.all([this.queues(), this.health()]);
    const snapshot = this.#bookkeeper?.snapshot;
    const ledger = snapshot === undefined ? undefined : this.#answer(snapshot, filter);
    return toOverview({ directory, activity: this.#activity, queues, health, ledger, brokerNowMs: clock.nowMs() });
  }

  async #connect(): Promise<Connected> {
    const { natsUrl, identity, log, signal } = this.#options;
    const membership = await joinSystem({ natsUrl, identity, log, signal });
    const { nc } = membership;
    watchConnection(nc, {
      reconnected: () => {
        this.#reconnectedAt = performance.now();
      },
    });
    const publisher = new Publisher(nc, {
      onTrouble: (trouble) => log.debug('settlement.repeated', { ...trouble }),
    });
    const states = new StreamStates(await jetstreamManager(nc, { checkAPI: false }));
    const clock = new BrokerClock(nc, `$JS.API.STREAM.INFO.${STREAM.settlements}`);
    await clock.start();
    this.#connection = { membership, states, publisher, clock };
    return this.#connection;
  }

  get #connected(): boolean {
    return this.#connection?.membership.brokerCheck.check() === true;
  }

  async #missing(states: StreamStates): Promise<string[]> {
    const found = await Promise.all(NEEDED.map((name) => states.fresh(name)));
    return NEEDED.filter((_name, i) => found[i] === undefined);
  }

  #keepBooks(nc: NatsConnection, states: StreamStates, publisher: Publisher, directory: Directory): Bookkeeper {
    const { identity, log, ledgerExactMessages, ledgerIntervalMs } = this.#options;
    const writer = new SettlementWriter({
      publisher,
      writer: identity.instance,
      onRefused: (detail) => log.error('settlement.refused', { detail }),
    });
    const bookkeeper = new Bookkeeper({
      nc,
      states,
      records: directory,
      writer,
      log,
      exactMessages: ledgerExactMessages,
      idleMs: ledgerIntervalMs,
      onSettlement: (settlement, stampMs) => {
        this.#metrics.count(settlement);
        this.#activity.record(settlement, stampMs);
      },
      onUnreadable: () => this.#metrics.countUnreadable(),
      onSnapshot: (snapshot) => this.#alert(snapshot),
    });
    this.#bookkeeper = bookkeeper;
    bookkeeper.start();
    return bookkeeper;
  }

  /** Says so when the books do not balance, each time that the number changes. */
  #alert(snapshot: Snapshot): void {
    const { log } = this.#options;
    const unaccounted = unaccountedOf(snapshot);
    if (unaccounted === this.#unaccounted) return;
    if (unaccounted > 0) {
      const where = snapshot.rows.filter((row) => row.unaccounted > 0).slice(0, 10);
      log.error('ledger.unbalanced', {
        unaccounted,
        accounts: where.map(({ camera, epoch, capability, generation, unaccounted: tasks }) => {
          return { camera, epoch, capability, generation, tasks };
        }),
      });
    } else {
      log.info('ledger.balanced', { was_unaccounted: this.#unaccounted });
    }
    this.#unaccounted = unaccounted;
  }

  async #freshSnapshot(bookkeeper: Bookkeeper): Promise<Snapshot> {
    if (!this.#connected) throw brokerAway();
    try {
      return await within(FRESH_MS, bookkeeper.balanceNow());
    } catch (error) {
      if (error instanceof FrameBufferError) throw error;
      throw unavailable(`no balance within ${FRESH_MS} ms`, error);
    }
  }

  #answer(snapshot: Snapshot, filter: LedgerFilter): LedgerAnswer {
    const asOf = new Date(snapshot.takenAtMs).toISOString();
    return { ...balance(snapshot, filter), asOf, stale: this.#isStale(snapshot) };
  }

  #isStale({ takenAtMs }: Snapshot): boolean {
    return !this.#connected || Date.now() - takenAtMs > 3 * this.#options.ledgerIntervalMs;
  }
}

function unavailable(why: string, cause?: unknown): FrameBufferError {
  return new FrameBufferError('ledger_unavailable', `The ledger cannot be told now: ${why}.`, {
    retryable: true,
    cause,
  });
}

function brokerAway(): FrameBufferError {
  return new FrameBufferError('broker_unavailable', 'The NATS broker is away: try again when it is back.', {
    retryable: true,
  });
}
