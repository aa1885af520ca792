/**
 * A partition changes hands: delete → fence → create → assign. Begun anew at any step it comes to the same.
 *
 *   H1  The former owner's consumer is gone before the next one's is made: its acks are nobody's.
 *   H2  The fences are up before the next owner is told: from then on nothing that the former owner writes is accepted.
 *   H3  The record is written last, by compare-and-set: of two registries that do this at the same time one is told `conflict`, and
 *       at worst has put up a fence too many, which costs the owner its epoch.
 */
import type { JsonBucket, Publisher, Topology } from '@frame-buffer/jetstream';
import {
  type Assignment,
  assignmentKey,
  encodeSettlement,
  fenceSubject,
  type Processor,
  parsePartitionDurable,
  partitionDurable,
} from '@frame-buffer/protocol';
import { JetStreamApiError } from '@nats-io/jetstream';
import { asking } from '../broker-errors.ts';

export interface HandOverOptions {
  readonly topology: Pick<Topology, 'deliveryState' | 'deleteWorkConsumer' | 'ensurePartition' | 'partitionConsumers'>;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly bucket: () => Pick<JsonBucket<Assignment>, 'get' | 'create' | 'update'>;
  /** This registry's instance. */
  readonly by: string;
}

export type HandedOver =
  | { readonly kind: 'done'; readonly assignment: Assignment; readonly revision: number }
  | { readonly kind: 'conflict' };

const FILTERS_OVERLAP = 10100;

export class HandOver {
  readonly #options: HandOverOptions;

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  /** `to` is empty to leave it without an owner. Throws what the broker says. */
  async run(
    processor: Pick<Processor, 'name'> & Partial<Processor>,
    partition: number,
    to: string,
  ): Promise<HandedOver> {
    const { bucket, topology } = this.#options;
    const { name } = processor;
    const key = assignmentKey(name, partition);
    return asking(`handing over ${key}`, async () => {
      const stored = await bucket().get(key);
      const before = stored?.value;
      const former = partitionDurable(name, partition, before?.epoch ?? 0);
      const state = await topology.deliveryState(former);
      await topology.deleteWorkConsumer(former);
      const fences = await this.#fence(name, partition);
      const epoch = (before?.epoch ?? 0) + 1;
      const isReleased = before?.state === 'released';
      if (to !== '') await this.#create(processor as Processor, partition, epoch);
      const assignment: Assignment = {
        instance: to,
        epoch,
        state: to === '' ? 'released' : 'assigned',
        ...fences,
        mayRepeat: (state?.inHand ?? 0) > 0 || (before?.mayRepeat === true && (isReleased || !state?.delivered)),
        positions: before?.positions ?? {},
      };
      const written =
        stored === undefined
          ? await bucket().create(key, assignment)
          : await bucket().update(key, assignment, stored.revision);
      return written.ok ? { kind: 'done', assignment, revision: written.revision } : { kind: 'conflict' };
    });
  }

  async #fence(name: string, partition: number): Promise<Pick<Assignment, 'settlementsFence' | 'resultsFence'>> {
    const { by } = this.#options;
    const settlement = encodeSettlement({ writer: by, entries: [] });
    const result = Buffer.from(JSON.stringify({ fence: { processor: name, partition, by } }));
    const [settlementsFence, resultsFence] = await Promise.all([
      this.#publish(fenceSubject.settlements(name, partition), settlement),
      this.#publish(fenceSubject.results(name, partition), result),
    ]);
    return { settlementsFence, resultsFence };
  }

  async #publish(subject: string, payload: Uint8Array): Promise<number> {
    const result = await this.#options.publisher.publish(subject, payload, { msgId: crypto.randomUUID() });
    if (result.ok) return result.sequence;
    throw new Error(`the fence ${subject} could not be put up: ${result.detail}`);
  }

  async #create(processor: Processor, partition: number, epoch: number): Promise<void> {
    const { topology } = this.#options;
    try {
      await topology.ensurePartition(processor, partition, epoch);
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === FILTERS_OVERLAP)) throw error;
      // Left by a registry that died at this, or by records that were lost.
      for (const name of await topology.partitionConsumers(processor.name))
        if (parsePartitionDurable(name)?.partition === partition) await topology.deleteWorkConsumer(name);
      await topology.ensurePartition(processor, partition, epoch);
    }
  }
}
