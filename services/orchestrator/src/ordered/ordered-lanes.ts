/** The lanes of all partitions: of the capabilities that are ordered, and those that still hold something. */
import { isOutcome, parsePartitionLane, partitionOf, partitionsOf, type Settlement } from '@frame-buffer/protocol';
import type { DispatchContext } from '../dispatch/context.ts';
import { OrderedLane } from './ordered-lane.ts';

export class OrderedLanes {
  readonly #lanes = new Map<string, Map<number, OrderedLane>>();
  readonly #context: DispatchContext;
  #isStopped = false;

  constructor(context: DispatchContext) {
    this.#context = context;
  }

  /** Policies or routes have changed. */
  serve(): void {
    for (const [capability, { policy }] of this.#context.routes().chains) {
      const partitions = partitionsOf(policy);
      for (let partition = 0; partition < partitions; partition++) this.#open(capability, partition);
    }
  }

  /** These lanes of FRAMES hold something. */
  serveBacklog(lanes: Iterable<{ readonly capability: string; readonly lane: string }>): void {
    for (const { capability, lane } of lanes) {
      const partition = parsePartitionLane(lane);
      if (partition !== undefined) this.#open(capability, partition);
    }
  }

  place(): void {
    for (const lane of this.#all()) lane.place();
  }

  settled({ entries }: Settlement): void {
    const { self, routes } = this.#context;
    for (const { capability, camera, dispatcher, kind, sequences } of entries) {
      if (dispatcher !== self || !(isOutcome(kind) || kind === 'returned')) continue;
      const partitions = partitionsOf(routes().chains.get(capability)?.policy);
      if (partitions > 0) this.#lanes.get(capability)?.get(partitionOf(camera, partitions))?.settled(sequences.size);
    }
  }

  get inHand(): number {
    let sum = 0;
    for (const { inHand } of this.#all()) sum += inHand;
    return sum;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#all()].map((lane) => lane.stop()));
  }

  #open(capability: string, partition: number): void {
    if (this.#isStopped) return;
    const lanes = this.#lanes.get(capability) ?? new Map<number, OrderedLane>();
    this.#lanes.set(capability, lanes);
    if (!lanes.has(partition)) lanes.set(partition, new OrderedLane(capability, partition, this.#context));
  }

  *#all(): Generator<OrderedLane> {
    for (const lanes of this.#lanes.values()) yield* lanes.values();
  }
}
