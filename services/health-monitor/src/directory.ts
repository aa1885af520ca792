/** The records of the system, mirrored from KV: reads do no I/O. Records that are not valid are logged and left out. */
import { Mirror } from '@frame-buffer/jetstream';
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
import type { Membership } from '@frame-buffer/service';
import type { Records } from './ledger/bookkeeper.ts';

/** A task's last message may rest unacknowledged after its deadline, and its settlement be on its way through an outage. */
const LIFE_MARGIN_MS = 60_000;
const DEFAULT_ACK_WAIT_MS = 30_000;

export class Directory implements Records {
  readonly #cameras: Mirror<Camera>;
  readonly #policies: Mirror<Policy>;
  readonly #processors: Mirror<Processor>;
  readonly #instances: Mirror<Instance>;

  private constructor(mirrors: {
    cameras: Mirror<Camera>;
    policies: Mirror<Policy>;
    processors: Mirror<Processor>;
    instances: Mirror<Instance>;
  }) {
    this.#cameras = mirrors.cameras;
    this.#policies = mirrors.policies;
    this.#processors = mirrors.processors;
    this.#instances = mirrors.instances;
  }

  /** Resolves when all records are here; waits for the registry to make their buckets. */
  static async open({ openBucket }: Pick<Membership, 'openBucket'>): Promise<Directory> {
    const [cameras, policies, processors, instances] = await Promise.all([
      openBucket({ bucket: BUCKET.cameras, schema: cameraSchema }),
      openBucket({ bucket: BUCKET.capabilities, schema: policySchema }),
      openBucket({ bucket: BUCKET.processors, schema: processorSchema }),
      openBucket({ bucket: BUCKET.instances, schema: instanceSchema }),
    ]);
    return new Directory({
      cameras: await Mirror.of(cameras),
      policies: await Mirror.of(policies),
      processors: await Mirror.of(processors),
      instances: await Mirror.of(instances),
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
