/** The records of the system, mirrored from KV: reads do no I/O. Records that are not valid are logged and left out. */
import { JsonBucket, Mirror } from '@frame-buffer/jetstream';
import {
  BUCKET,
  type Camera,
  cameraSchema,
  DEFAULT_POLICY,
  type Instance,
  instanceSchema,
  type Policy,
  type Processor,
  policySchema,
  processorSchema,
} from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import type { ZodType } from 'zod';
import type { Records } from './ledger/bookkeeper.ts';

/** A task's last message may rest unacknowledged after its deadline, and its settlement be on its way through an outage. */
const LIFE_MARGIN_MS = 60_000;
const DEFAULT_ACK_WAIT_MS = 30_000;

export class Directory implements Records {
  readonly #cameras: Mirror<Camera>;
  readonly #policies: Mirror<Policy>;
  readonly #processors: Mirror<Processor>;
  readonly #instances: Mirror<Instance>;
  /** For the heartbeat of this service. */
  readonly instanceBucket: JsonBucket<Instance>;

  private constructor(mirrors: {
    cameras: Mirror<Camera>;
    policies: Mirror<Policy>;
    processors: Mirror<Processor>;
    instances: Mirror<Instance>;
    instanceBucket: JsonBucket<Instance>;
  }) {
    this.#cameras = mirrors.cameras;
    this.#policies = mirrors.policies;
    this.#processors = mirrors.processors;
    this.#instances = mirrors.instances;
    this.instanceBucket = mirrors.instanceBucket;
  }

  /** Resolves when all records are here. Rejects when a bucket does not exist (yet). */
  static async open(nc: NatsConnection, log: Logger): Promise<Directory> {
    const open = <T>(bucket: string, schema: ZodType<T>) =>
      JsonBucket.open({
        nc,
        bucket,
        schema,
        onInvalid: (key, detail) => log.warn('record.invalid', { bucket, key, detail }),
      });
    const [cameras, policies, processors, instances] = await Promise.all([
      open(BUCKET.cameras, cameraSchema),
      open(BUCKET.capabilities, policySchema),
      open(BUCKET.processors, processorSchema),
      open(BUCKET.instances, instanceSchema),
    ]);
    return new Directory({
      cameras: await Mirror.of(cameras),
      policies: await Mirror.of(policies),
      processors: await Mirror.of(processors),
      instances: await Mirror.of(instances),
      instanceBucket: instances,
    });
  }

  get cameras(): Iterable<Camera> {
    return this.#cameras.values();
  }

  get processors(): Iterable<Processor> {
    return this.#processors.values();
  }

  /** Those whose heartbeat lives. */
  get instances(): Iterable<Instance> {
    return this.#instances.values();
  }

  isPlain(processor: string): boolean {
    return this.#processors.get(processor)?.settles === false;
  }

  longestLifeMs(capability: string): number {
    const { maxAgeMs } = this.#policies.get(capability) ?? DEFAULT_POLICY;
    if (maxAgeMs === 0) return Number.POSITIVE_INFINITY;
    let ackWaitMs = DEFAULT_ACK_WAIT_MS;
    for (const processor of this.processors) {
      if (processor.capabilities.includes(capability)) ackWaitMs = Math.max(ackWaitMs, processor.ackWaitMs);
    }
    return maxAgeMs + ackWaitMs + LIFE_MARGIN_MS;
  }

  stop(): void {
    for (const mirror of [this.#cameras, this.#policies, this.#processors, this.#instances]) mirror.stop();
  }
}
