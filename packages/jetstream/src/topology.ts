/**
 * Streams, buckets and consumers: created where they are missing, verified where they exist. A difference is reported and
 * never overwritten: an operator may have had a reason, and some changes would drop what is stored.
 *
 * Only the registry's identity may do this.
 */

import {
  type BucketDefinition,
  DUPLICATE_WINDOW_MS,
  durable,
  type Lane,
  type Processor,
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
    try {
      const { config } = await this.#jsm.streams.info(definition.name);
      return verified('stream', definition.name, differences(wanted, config));
    } catch (error) {
      if (!hasCode(error, STREAM_NOT_FOUND)) throw error;
    }
    await this.#jsm.streams.add(wanted);
    return { what: 'stream', name: definition.name, state: 'created', differences: [] };
  }

  async ensureBucket({ name, description, ttlMs }: BucketDefinition): Promise<Provisioned> {
    const stream = `KV_${name}`;
    try {
      const { config } = await this.#jsm.streams.info(stream);
      const wanted = { max_age: (ttlMs ?? 0) * NANOS, num_replicas: this.#replicas };
      return verified('bucket', name, differences(wanted, config));
    } catch (error) {
      if (!hasCode(error, STREAM_NOT_FOUND)) throw error;
    }
    // Without a marker TTL, watchers are told nothing when a key expires.
    const expiry = ttlMs === undefined ? {} : { ttl: ttlMs, markerTTL: 10_000 };
    await this.#kvm.create(name, { description, history: 1, replicas: this.#replicas, ...expiry });
    return { what: 'bucket', name, state: 'created', differences: [] };
  }

  /** The durable of one lane of a capability, shared by all orchestrators. */
  ensureLane(capability: string, lane: Lane): Promise<Provisioned> {
    return this.#ensureConsumer(STREAM.frames, {
      durable_name: durable.lane(capability, lane),
      description: `Lane ${lane} of ${capability}`,
      filter_subject: subject.frames(capability, lane),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: 10_000 * NANOS,
      max_ack_pending: 4096,
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
      ...(processor.settles ? {} : { sample_freq: '100' }),
    });
  }

  /** Changes what registration may change of an existing consumer: ack wait and sampling. */
  async updateProcessor(processor: Processor): Promise<void> {
    await this.#jsm.consumers.update(STREAM.work, durable.processor(processor.name), {
      ack_wait: processor.ackWaitMs * NANOS,
      sample_freq: processor.settles ? '' : '100',
    });
  }

  /** Messages that still lie in a processor's queue, delivered or not; undefined when it has no consumer. */
  async queueLength(processor: string): Promise<number | undefined> {
    try {
      const info = await this.#jsm.consumers.info(STREAM.work, durable.processor(processor));
      return info.num_pending + info.num_ack_pending;
    } catch (error) {
      if (hasCode(error, CONSUMER_NOT_FOUND)) return undefined;
      throw error;
    }
  }

  /** Deletes a processor's consumer; messages that lie in its queue stay in the stream. */
  async deleteProcessor(processor: string): Promise<void> {
    try {
      await this.#jsm.consumers.delete(STREAM.work, durable.processor(processor));
    } catch (error) {
      if (!hasCode(error, CONSUMER_NOT_FOUND)) throw error;
    }
  }

  async #ensureConsumer(
    stream: string,
    wanted: Partial<ConsumerConfig> & { durable_name: string },
  ): Promise<Provisioned> {
    const name = wanted.durable_name;
    try {
      const { config } = await this.#jsm.consumers.info(stream, name);
      return verified('consumer', name, differences(wanted, config));
    } catch (error) {
      if (!hasCode(error, CONSUMER_NOT_FOUND)) throw error;
    }
    await this.#jsm.consumers.add(stream, { ...wanted, num_replicas: this.#replicas });
    return { what: 'consumer', name, state: 'created', differences: [] };
  }
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
