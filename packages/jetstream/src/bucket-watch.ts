/**
 * Follows a KV bucket: its present contents, then each change.
 *
 *   K1  After `initial`, the listener has been told of every key that the bucket holds, and of no other.
 *   K2  The last word on a key is the bucket's: whatever was missed during an outage is made up for, removals too.
 *   K3  Each revision of a key is told once, each removal of a key that was told, too.
 *
 * By an ephemeral push consumer with a heartbeat each second. At the slightest doubt (reconnection, heartbeats missed, a gap)
 * everything is read anew and compared: a deletion's marker may have vanished before we came back, so that to go on where one
 * stopped would keep dead keys alive. Buckets are small, and the client's own watch needs up to a minute to notice a loss.
 */
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  type JetStreamManager,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { Msg, NatsConnection, Subscription } from '@nats-io/nats-core';
import { parseAckSubject } from './ack-subject.ts';
import { inboxPrefix, watchConnection } from './connect.ts';
import { guarded } from './guarded.ts';

/** A key's latest message; `value` undefined when the key is gone. */
export interface BucketChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly revision: number;
  /** When the broker stored the key's last value, milliseconds since 1970; compare through `BrokerClock`. */
  readonly stampedAtMs: number;
}

export interface BucketWatchOptions {
  readonly nc: NatsConnection;
  readonly bucket: string;
  readonly onChange: (change: BucketChange) => void;
}

const NANOS = 1_000_000;
const HEARTBEAT_MS = 1_000;
const MISSED_MS = 2 * HEARTBEAT_MS + 500;
const RETRY_MS = 500;
const REQUEST_MS = 2_000;
/** The broker removes a consumer whose inbox nobody has listened to for so long. */
const INACTIVE_MS = 5_000;

/** One reading of the bucket from the beginning, and on. */
interface Reading {
  readonly subscription: Subscription;
  readonly seen: Set<string>;
  consumerSequence: number;
  isComplete: boolean;
}

export class BucketWatch {
  readonly initial: Promise<void>;
  readonly #options: BucketWatchOptions;
  readonly #prefix: string;
  readonly #connection: { stop(): void };
  readonly #watchdog: NodeJS.Timeout;
  /** What was told, by key. The stamp tells revisions apart that have the same number in a store that was made anew. */
  readonly #known = new Map<string, { readonly revision: number; readonly stampedAtMs: number }>();
  readonly #whenInitial: () => void;
  #jsm: JetStreamManager | undefined;
  #reading: Reading | undefined;
  #retry: NodeJS.Timeout | undefined;
  #heardAt = 0;
  #connected = true;
  #stopped = false;

  constructor(options: BucketWatchOptions) {
    this.#options = options;
    this.#prefix = `$KV.${options.bucket}.`;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.initial = promise;
    this.#whenInitial = resolve;
    this.#connection = watchConnection(options.nc, {
      disconnected: () => {
        this.#connected = false;
        this.#end();
      },
      reconnected: () => {
        this.#connected = true;
        this.#begin();
      },
    });
    this.#watchdog = setInterval(() => this.#watch(), HEARTBEAT_MS / 2);
    this.#watchdog.unref();
    void options.nc.closed().then(() => this.stop());
    this.#begin();
  }

  /** Is what was told up to date, as far as one can know? False from the loss of the broker until all is read anew. */
  get isCurrent(): boolean {
    return this.#reading?.isComplete === true;
  }

  /** Nothing is told any more; `initial` resolves if it has not. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#watchdog);
    this.#connection.stop();
    this.#end();
    this.#whenInitial();
  }

  #begin(): void {
    this.#end();
    if (this.#stopped) return;
    const { nc } = this.#options;
    const inbox = `${inboxPrefix(nc)}.${crypto.randomUUID().slice(0, 8)}`;
    const subscription = nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null && reading === this.#reading) this.#arrived(reading, message);
      },
    });
    const reading: Reading = { subscription, seen: new Set(), consumerSequence: 0, isComplete: false };
    this.#reading = reading;
    this.#create(inbox).then(
      (isEmpty) => {
        if (reading !== this.#reading) return;
        this.#heardAt = performance.now();
        if (isEmpty) this.#complete(reading);
      },
      () => {
        // No leader yet, no bucket yet, or no broker.
        if (reading === this.#reading) this.#retry = setTimeout(() => this.#begin(), RETRY_MS).unref();
      },
    );
    this.#heardAt = Number.POSITIVE_INFINITY; // The request has its own limit.
  }

  #end(): void {
    clearTimeout(this.#retry);
    this.#reading?.subscription.unsubscribe();
    this.#reading = undefined;
  }

  async #create(inbox: string): Promise<boolean> {
    const { nc, bucket } = this.#options;
    this.#jsm ??= await jetstreamManager(nc, { checkAPI: false, timeout: REQUEST_MS });
    const config: Partial<ConsumerConfig> = {
      name: `watch-${crypto.randomUUID().slice(0, 13)}`,
      deliver_subject: inbox,
      deliver_policy: DeliverPolicy.LastPerSubject,
      ack_policy: AckPolicy.None,
      filter_subject: `${this.#prefix}>`,
      idle_heartbeat: HEARTBEAT_MS * NANOS,
      inactive_threshold: INACTIVE_MS * NANOS,
      mem_storage: true,
      num_replicas: 1,
    };
    const { num_pending: pending, delivered } = await this.#jsm.consumers.add(`KV_${bucket}`, config);
    return pending === 0 && delivered.consumer_seq === 0;
  }

  #arrived(reading: Reading, message: Msg): void {
    this.#heardAt = performance.now();
    const code = message.headers?.code ?? 0;
    if (code === 0) this.#entry(reading, message);
    else if (code === 100) this.#heartbeat(reading, message);
    else this.#begin(); // 409: the consumer was deleted under us
  }

  #entry(reading: Reading, message: Msg): void {
    const { consumerSequence, streamSequence: revision, stampedAtMs, pending } = parseAckSubject(message.reply ?? '');
    if (consumerSequence !== reading.consumerSequence + 1) {
      this.#begin();
      return;
    }
    reading.consumerSequence = consumerSequence;
    const key = message.subject.slice(this.#prefix.length);
    if (!reading.isComplete) reading.seen.add(key);
    const known = this.#known.get(key);
    if (isRemoval(message)) {
      this.#removed(key, revision);
    } else if (known?.revision !== revision || known.stampedAtMs !== stampedAtMs) {
      this.#known.set(key, { revision, stampedAtMs });
      this.#tell({ key, value: message.data, revision, stampedAtMs });
    }
    if (pending === 0) this.#complete(reading);
  }

  /** Sent only when there is nothing to deliver: what was counted as pending has expired meanwhile. */
  #heartbeat(reading: Reading, message: Msg): void {
    const last = Number(message.headers?.get('Nats-Last-Consumer') ?? 0);
    if (last === reading.consumerSequence) this.#complete(reading);
    else this.#begin();
  }

  #complete(reading: Reading): void {
    if (reading.isComplete) return;
    reading.isComplete = true;
    for (const [key, { revision }] of this.#known) if (!reading.seen.has(key)) this.#removed(key, revision);
    reading.seen.clear();
    this.#whenInitial();
  }

  /** Forgotten as well: a bucket of instances would gather dead keys for ever. */
  #removed(key: string, revision: number): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#known.delete(key);
    this.#tell({ key, value: undefined, revision, stampedAtMs: known.stampedAtMs });
  }

  #tell(change: BucketChange): void {
    guarded(() => this.#options.onChange(change));
  }

  #watch(): void {
    if (this.#connected && performance.now() - this.#heardAt > MISSED_MS) this.#begin();
  }
}

/** Deleted by a client, or the broker's marker of an expired key. */
function isRemoval({ headers }: Msg): boolean {
  if (headers === undefined) return false;
  const operation = headers.get('KV-Operation');
  return operation === 'DEL' || operation === 'PURGE' || headers.has('Nats-Marker-Reason');
}
