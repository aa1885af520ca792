/**
 * Streams, buckets and consumers: created where they are missing, verified where they exist. A difference is reported and
 * never overwritten: an operator may have had a reason, and some changes would drop what is stored.
 *
 * Only the registry's identity may do this. Methods throw what the client throws: `JetStreamApiError` (its `code` is the server's)
 * when the broker refuses, others when it does not answer.
 */

import {
  type AnyLane,
  type BucketDefinition,
  DUPLICATE_WINDOW_MS,
  durable,
  type Processor,
  parsePartitionDurable,
  parsePartitionLane,
  partitionDurable,
  partitionLane,
  STREAM,
  type StreamDefinition,
  subject,
} from '@frame-buffer/protocol';
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';

const NANOS = 1_000_000;
const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;
/** Somebody else was quicker, with another definition. */
const STREAM_EXISTS = 10058;
const CONSUMER_EXISTS = 10148;
/** Longer than the heartbeats' own expiry, so that a watcher that comes back late still sees the marker. */
const MARKER_TTL_MS = 10_000;

export interface Difference {
  readonly field: string;
  readonly wanted: unknown;
  readonly found: unknown;
}

export interface Provisioned {
  readonly what: 'stream' | 'bucket' | 'consumer';
  readonly name: string;
  readonly state: 'created' | 'verified' | 'different';
  /** What an operator has to decide about; empty unless `different`. */
  readonly differences: readonly Difference[];
}

/** Whoever has a message of a lane says that it is still at it, more often than this. */
export const LANE_ACK_WAIT_MS = 10_000;
export const PARTITION_ACK_WAIT_MS = 4_000;

/** After so many deliveries a message rests as exhausted: a distant backstop, delivery counts decide nothing for the SDK. */
export const MAX_DELIVER = 1_000;

export class Topology {
  readonly #jsm: JetStreamManager;
  readonly #kvm: Kvm;
  readonly #replicas: number;

  private constructor(jsm: JetStreamManager, kvm: Kvm, replicas: number) {
    this.#jsm = jsm;
    this.#kvm = kvm;
    this.#replicas = replicas;
  }

  static async open(nc: NatsConnection, options: { replicas?: number } = {}): Promise<Topology> {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    return new Topology(jsm, new Kvm(jetstream(nc)), options.replicas ?? 1);
  }

  async ensureStream(definition: StreamDefinition): Promise<Provisioned> {
    const wanted = toStreamConfig(definition, this.#replicas);
    return ensure('stream', definition.name, wanted, {
      find: async () => (await this.#jsm.streams.info(definition.name)).config,
      create: () => this.#jsm.streams.add(wanted),
    });
  }

  async ensureBucket({ name, description, ttlMs }: BucketDefinition): Promise<Provisioned> {
    const wanted = {
      max_msgs_per_subject: 1,
      num_replicas: this.#replicas,
      allow_direct: true,
      max_age: (ttlMs ?? 0) * NANOS,
      // Without markers, watchers are told nothing when a key expires.
      subject_delete_marker_ttl: ttlMs === undefined ? 0 : MARKER_TTL_MS * NANOS,
    };
    const expiry = ttlMs === undefined ? {} : { ttl: ttlMs, markerTTL: MARKER_TTL_MS };
    return ensure('bucket', name, wanted, {
      find: async () => (await this.#jsm.streams.info(`KV_${name}`)).config,
      create: () => this.#kvm.create(name, { description, history: 1, replicas: this.#replicas, ...expiry }),
    });
  }

  /** The durable of one lane of a capability, shared by all orchestrators. */
  ensureLane(capability: string, lane: AnyLane): Promise<Provisioned> {
    const isPartition = parsePartitionLane(lane) !== undefined;
    return this.#ensureConsumer(STREAM.frames, {
      durable_name: durable.lane(capability, lane),
      description: `Lane ${lane} of ${capability}`,
      filter_subject: subject.frames(capability, lane),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      // A partition rests when the orchestrator that has its message is gone; one message at a time keeps its order.
      ack_wait: (isPartition ? PARTITION_ACK_WAIT_MS : LANE_ACK_WAIT_MS) * NANOS,
      max_ack_pending: isPartition ? 1 : 4096,
      max_deliver: -1,
    });
  }

  /** The durable of one processor, shared by its instances. */
  ensureProcessor(processor: Processor): Promise<Provisioned> {
    return this.#ensureConsumer(STREAM.work, {
      durable_name: durable.processor(processor.name),
      description: `Queue of processor ${processor.name}`,
      filter_subject: subject.workOf(processor.name),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: processor.ackWaitMs * NANOS,
      max_ack_pending: 4096,
      max_deliver: MAX_DELIVER,
      // Without settlements, the broker's ack metric is what gives credit back.
      sample_freq: sampling(processor),
    });
  }

  /** Changes what registration may change of an existing consumer: ack wait and sampling. */
  async updateProcessor(processor: Processor): Promise<void> {
    const changes = { ack_wait: processor.ackWaitMs * NANOS, sample_freq: sampling(processor) };
    const name = durable.processor(processor.name);
    await this.#jsm.consumers.update(STREAM.work, name, changes);
  }

  /**
   * Messages that still lie in a processor's queue, delivered or not; undefined when it has no consumer. Those that used up
   * their deliveries are not among them.
   */
  async queueLength(processor: string): Promise<number | undefined> {
    const asked = this.#jsm.consumers.info(STREAM.work, durable.processor(processor));
    const info = await unlessCode(asked, CONSUMER_NOT_FOUND);
    return info && info.num_pending + info.num_ack_pending;
  }

  /** Deletes a processor's consumer; messages that lie in its queue stay in the stream. */
  async deleteProcessor(processor: string): Promise<void> {
    await unlessCode(this.#jsm.consumers.delete(STREAM.work, durable.processor(processor)), CONSUMER_NOT_FOUND);
  }

  /**
   * The consumer of one partition of an ordered processor, for one epoch: one message at a time. Throws 10100 (filters overlap)
   * while that of another epoch exists.
   */
  ensurePartition(processor: Processor, partition: number, epoch: number): Promise<Provisioned> {
    const lane = partitionLane(partition);
    return this.#ensureConsumer(STREAM.work, {
      durable_name: partitionDurable(processor.name, partition, epoch),
      description: `Partition ${lane} of ordered processor ${processor.name}`,
      filter_subject: subject.work(processor.name, lane),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: processor.ackWaitMs * NANOS,
      max_ack_pending: 1,
      max_deliver: MAX_DELIVER,
    });
  }

  /** Messages of it that somebody has in hand, and how many were ever delivered. Undefined when there is no such consumer. */
  async deliveryState(durableName: string): Promise<{ inHand: number; delivered: number } | undefined> {
    const info = await unlessCode(this.#jsm.consumers.info(STREAM.work, durableName), CONSUMER_NOT_FOUND);
    return info && { inHand: info.num_ack_pending, delivered: info.delivered.consumer_seq };
  }

  /** Deletes a consumer of WORK; what it had not acknowledged stays in the stream. Returns whether there was one. */
  async deleteWorkConsumer(durableName: string): Promise<boolean> {
    return (await unlessCode(this.#jsm.consumers.delete(STREAM.work, durableName), CONSUMER_NOT_FOUND)) === true;
  }

  /** The consumers of partitions, of one processor or all. */
  async partitionConsumers(processor?: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of this.#jsm.consumers.list(STREAM.work)) {
      const parsed = parsePartitionDurable(name);
      if (parsed !== undefined && (processor === undefined || parsed.processor === processor)) names.push(name);
    }
    return names;
  }

  /** Its replicas are the stream's. */
  #ensureConsumer(stream: string, wanted: Partial<ConsumerConfig> & { durable_name: string }): Promise<Provisioned> {
    const name = wanted.durable_name;
    return ensure('consumer', name, wanted, {
      find: async () => (await this.#jsm.consumers.info(stream, name)).config,
      create: () => this.#jsm.consumers.add(stream, wanted),
    });
  }
}

interface Thing {
  readonly find: () => Promise<object>;
  readonly create: () => Promise<unknown>;
}

/** Verifies what exists, creates what does not; whoever loses the race of creating verifies after all. */
async function ensure(what: Provisioned['what'], name: string, wanted: object, thing: Thing): Promise<Provisioned> {
  const found = await unlessCode(thing.find(), STREAM_NOT_FOUND, CONSUMER_NOT_FOUND);
  if (found !== undefined) return verified(what, name, differences(wanted, found));
  const created = await unlessCode(thing.create(), STREAM_EXISTS, CONSUMER_EXISTS);
  if (created === undefined) return verified(what, name, differences(wanted, await thing.find()));
  return { what, name, state: 'created', differences: [] };
}

async function unlessCode<R>(request: Promise<R>, ...codes: readonly number[]): Promise<R | undefined> {
  try {
    return await request;
  } catch (error) {
    if (codes.some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
}

function sampling({ settles }: Processor): string {
  return settles ? '' : '100';
}

function toStreamConfig(definition: StreamDefinition, replicas: number): Partial<StreamConfig> & { name: string } {
  const isQueue = definition.retention === 'workqueue';
  return {
    name: definition.name,
    description: definition.description,
    subjects: [...definition.subjects],
    retention: isQueue ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    discard: definition.discard === 'new' ? DiscardPolicy.New : DiscardPolicy.Old,
    max_bytes: definition.maxBytes,
    max_age: (definition.maxAgeMs ?? 0) * NANOS,
    duplicate_window: DUPLICATE_WINDOW_MS * NANOS,
    allow_direct: definition.allowDirect,
    ...(definition.maxMessagesPerSubject === undefined
      ? {}
      : { max_msgs_per_subject: definition.maxMessagesPerSubject, discard_new_per_subject: isQueue }),
  };
}

function verified(what: Provisioned['what'], name: string, found: Difference[]): Provisioned {
  return { what, name, state: found.length === 0 ? 'verified' : 'different', differences: found };
}

/** Compares only what we ask for: the broker fills in many defaults. */
function differences(wanted: object, found: object): Difference[] {
  const actual = found as Record<string, unknown>;
  return Object.entries(wanted)
    .filter(
      ([field, value]) =>
        field !== 'description' && JSON.stringify(value) !== JSON.stringify(actual[field] ?? empty(value)),
    )
    .map(([field, value]) => ({ field, wanted: value, found: actual[field] }));
}

/** The broker leaves out what is zero. */
function empty(value: unknown): unknown {
  if (typeof value === 'number') return 0;
  if (typeof value === 'boolean') return false;
  return value === '' ? '' : undefined;
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
