/**
 * Makes what is missing, verifies what is there, and remembers what it found.
 *
 *   T1  What exists is never changed here, with one exception: `align` brings the consumer of a processor to the ack wait and
 *       sampling that its registration asks for.
 *   T2  Several registries may do the same at once: whoever comes second finds it made.
 *   T3  Each difference is logged once, as `topology.different`, and stays in the report until it is gone.
 */
import type { Provisioned, Topology } from '@frame-buffer/jetstream';
import {
  bucketDefinitions,
  durable,
  LANES,
  type Processor,
  partitionLane,
  type StreamSizes,
  streamDefinitions,
} from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import { asking, brokerError, inTurn, isMadeMeanwhile } from '../broker-errors.ts';
import { reportOf, type TopologyEntry, type TopologyReport } from './report.ts';

export interface ProvisionerOptions {
  readonly topology: Topology;
  readonly sizes: StreamSizes;
  readonly log: Logger;
  /** Of a capability that is ordered; 0 where it is not. */
  readonly partitions?: (capability: string) => number;
  /** Told of each look at something, for counters. */
  readonly onEntry?: (entry: TopologyEntry) => void;
}

/** What `align` may change of a consumer. */
const FOLLOWS_REGISTRATION = new Set(['ack_wait', 'sample_freq']);

export class Provisioner {
  readonly #options: ProvisionerOptions;
  readonly #entries = new Map<string, TopologyEntry>();
  #isComplete = false;

  constructor(options: ProvisionerOptions) {
    this.#options = options;
  }

  report(): TopologyReport {
    return reportOf([...this.#entries.values()], this.#isComplete);
  }

  /** From now on the report says `pending`, until `completed`: the broker was away and may have lost everything. */
  doubt(): void {
    this.#isComplete = false;
  }

  completed(): void {
    this.#isComplete = true;
  }

  /** All streams and buckets. Each is tried, also when another one is refused; throws the first failure. */
  async provision(): Promise<void> {
    const { topology, sizes } = this.#options;
    const steps = [
      ...streamDefinitions(sizes).map(
        (definition) => () => this.#ensure('stream', definition.name, () => topology.ensureStream(definition)),
      ),
      ...bucketDefinitions.map(
        (definition) => () => this.#ensure('bucket', definition.name, () => topology.ensureBucket(definition)),
      ),
    ];
    await inTurn(steps);
  }

  /** Every lane of a capability; of an ordered one those of its partitions too. */
  async lanes(capability: string): Promise<void> {
    const { topology, partitions } = this.#options;
    const ofPartitions = Array.from({ length: partitions?.(capability) ?? 0 }, (_, p) => partitionLane(p));
    await inTurn(
      [...LANES, ...ofPartitions].map(
        (lane) => () =>
          this.#ensure('consumer', durable.lane(capability, lane), () => topology.ensureLane(capability, lane)),
      ),
    );
  }

  /** The consumer of a processor. */
  async processor(processor: Processor): Promise<Provisioned> {
    const { topology } = this.#options;
    const name = durable.processor(processor.name);
    return this.#ensure('consumer', name, () => topology.ensureProcessor(processor));
  }

  /** The consumer of a processor, with the ack wait and sampling of this registration. */
  async align(processor: Processor): Promise<void> {
    const found = await this.processor(processor);
    if (!found.differences.some(({ field }) => FOLLOWS_REGISTRATION.has(field))) return;
    await asking(`changing the consumer of ${processor.name}`, () => this.#options.topology.updateProcessor(processor));
    await this.processor(processor);
  }

  /** A consumer that was deleted on purpose. */
  forget(consumer: string): void {
    this.#entries.delete(`consumer/${consumer}`);
  }

  async #ensure(what: Provisioned['what'], name: string, ensure: () => Promise<Provisioned>): Promise<Provisioned> {
    try {
      const found = await ensure().catch((error: unknown) => {
        if (isMadeMeanwhile(error)) return ensure();
        throw error;
      });
      this.#note({ ...found, checkedAt: new Date().toISOString() });
      return found;
    } catch (cause) {
      const error = brokerError(`providing ${what} ${name}`, cause);
      this.#note({
        what,
        name,
        state: 'failed',
        differences: [],
        error: error.message,
        checkedAt: new Date().toISOString(),
      });
      throw error;
    }
  }

  #note(entry: TopologyEntry): void {
    const { log, onEntry } = this.#options;
    const key = `${entry.what}/${entry.name}`;
    const before = this.#entries.get(key);
    this.#entries.set(key, entry);
    onEntry?.(entry);
    const { what, name, state, error } = entry;
    if (state === 'created') log.info('topology.created', { what, name });
    if (state === 'failed' && before?.error !== error) log.error('topology.failed', { what, name, reason: error });
    if (JSON.stringify(before?.differences ?? []) === JSON.stringify(entry.differences)) return;
    for (const difference of entry.differences) log.warn('topology.different', { what, name, ...difference });
    if (entry.differences.length === 0 && state === 'verified') log.info('topology.agrees', { what, name });
  }
}
