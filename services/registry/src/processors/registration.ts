/**
 * Registration and its end.
 *
 *   R1  An answered registration has its lanes, its consumer and its record: a client can pull at once.
 *   R2  Registering the same again changes nothing and is no error: a crashed client just does it again.
 *   R3  A changed registration replaces the former by compare-and-set, the last writer wins: this is how a fleet is upgraded
 *       step by step. Capabilities that are no longer named get no new work; what waits is worked.
 *   R4  A name is deregistered only while nothing waits in its queue, unless forced. What is left then stays in the stream, and is
 *       worked when the name is registered again.
 *   R6  A processor that was lost lives again by registering, once its queue is back in the lanes: until then the answer is
 *       503 `queue_returning`, and the same registration again counts as a new one.
 *   R5  A registration that crosses a deregistration in another registry wins: every registry keeps a consumer for each record.
 */
import type { EventLog, Topology } from '@frame-buffer/jetstream';
import { durable, type Processor } from '@frame-buffer/protocol';
import { ProblemError } from '@frame-buffer/service';
import { asking } from '../broker-errors.ts';
import type { FollowedBucket } from '../followed-bucket.ts';
import { KeyedLock } from '../keyed-lock.ts';
import type { Lifecycle } from '../lifecycle/lifecycle.ts';
import type { Partitions } from '../partitions/partitions.ts';
import type { Provisioner } from '../topology/provisioner.ts';
import { changedFields } from './change.ts';

export interface RegistrationsOptions {
  readonly processors: FollowedBucket<Processor>;
  readonly provisioner: Provisioner;
  readonly topology: Topology;
  readonly lifecycle: Pick<Lifecycle, 'hasQueue' | 'queueOpens'>;
  readonly partitions: Pick<Partitions, 'partitionsOf' | 'assertRegistrable'>;
  readonly events: Pick<EventLog, 'record'>;
  /** Milliseconds in which orchestrators learn that a processor is gone and send it nothing more; default 250. */
  readonly settleMs?: number;
}

export interface Registered {
  readonly state: 'registered' | 'unchanged' | 'updated';
  /** Empty unless `updated`. */
  readonly changed: readonly string[];
  readonly processor: Processor;
}

export interface Deregistered {
  readonly name: string;
  /** Messages that were left in its queue; 0 unless forced. */
  readonly left: number;
}

const MAX_RACES = 10;
/** Below the time that a client waits for its answer. */
const QUEUE_OPENS_MS = 4_000;

export class Registrations {
  readonly #options: RegistrationsOptions;
  readonly #locks = new KeyedLock();

  constructor(options: RegistrationsOptions) {
    this.#options = options;
  }

  /** Throws `broker_unavailable` (retryable), `broker_refused`, or 409 `registration_conflict` after lost races. */
  register(processor: Processor): Promise<Registered> {
    return this.#locks.hold(processor.name, async () => {
      const { provisioner, lifecycle, events } = this.#options;
      this.#options.partitions.assertRegistrable(processor);
      const isClosed = !lifecycle.hasQueue(processor.name);
      for (const capability of new Set(processor.capabilities)) await provisioner.lanes(capability);
      if (!isClosed) await this.#align(processor);
      const outcome = await this.#store(processor, isClosed);
      if (isClosed) await this.#openQueue(processor);
      if (outcome.state === 'unchanged') return outcome;
      const { name } = processor;
      const cause = outcome.changed.length > 0 ? { cause: `changed: ${outcome.changed.join(', ')}` } : {};
      events.record({ kind: 'processor', id: name, event: `processor.${outcome.state}`, ...cause });
      return outcome;
    });
  }

  /** Throws 404 `processor_not_found`, 409 `queue_not_empty` (with `waiting`), and what `register` throws. */
  deregister(name: string, { force }: { force: boolean }): Promise<Deregistered> {
    return this.#locks.hold(name, async () => {
      const { processors, provisioner, topology, events } = this.#options;
      const stored = await asking(`reading ${name}`, () => processors.bucket.get(name));
      if (stored === undefined)
        throw new ProblemError(404, 'processor_not_found', `No processor ${name} is registered`);
      if (!force) await this.#assertQueueIsEmpty(name);
      await asking(`deleting ${name}`, () => processors.bucket.delete(name));
      if (!force) await this.#stillEmpty(stored.value);
      const left = await this.#waiting(name);
      await asking(`deleting the consumer of ${name}`, () => topology.deleteProcessor(name));
      provisioner.forget(durable.processor(name));
      await processors.reached(name, (now) => now === undefined || now.revision > stored.revision);
      const cause = force ? { cause: `forced, ${left} left in its queue` } : {};
      events.record({ kind: 'processor', id: name, event: 'processor.deregistered', ...cause });
      return { name, left };
    });
  }

  /** The actor hears of the stored record, and opens the queue when nothing is on its way back any more. */
  async #openQueue(processor: Processor): Promise<void> {
    const { lifecycle } = this.#options;
    const { name } = processor;
    if (await lifecycle.queueOpens(name, QUEUE_OPENS_MS)) return this.#align(processor);
    throw new ProblemError(503, 'queue_returning', `What was queued for ${name} is being given back; try again`);
  }

  /** An ordered processor has a consumer for each partition instead, made when an instance gets it. */
  async #align(processor: Processor): Promise<void> {
    const { partitions, provisioner } = this.#options;
    if (partitions.partitionsOf(processor) === 0) await provisioner.align(processor);
  }

  /** Its actor has let it go: record and consumer follow. What lies in the queue is the caller's. */
  removed(name: string): Promise<void> {
    return this.#locks.hold(name, async () => {
      const { processors, provisioner, topology, events } = this.#options;
      const stored = await asking(`reading ${name}`, () => processors.bucket.get(name));
      await asking(`deleting ${name}`, () => processors.bucket.delete(name));
      await asking(`deleting the consumer of ${name}`, () => topology.deleteProcessor(name));
      provisioner.forget(durable.processor(name));
      if (stored === undefined) return;
      await processors.reached(name, (now) => now === undefined || now.revision > stored.revision);
      events.record({ kind: 'processor', id: name, event: 'processor.deregistered', cause: 'drained' });
    });
  }

  async #store(processor: Processor, isAnew: boolean): Promise<Registered> {
    const { name } = processor;
    const { bucket } = this.#options.processors;
    for (let race = 0; race < MAX_RACES; race++) {
      const stored = await asking(`reading ${name}`, () => bucket.get(name));
      const changed = stored === undefined ? [] : changedFields(stored.value, processor);
      if (stored !== undefined && changed.length === 0 && !isAnew)
        return { state: 'unchanged', changed, processor: stored.value };
      const written = await asking(`storing ${name}`, () =>
        stored === undefined ? bucket.create(name, processor) : bucket.update(name, processor, stored.revision),
      );
      if (!written.ok) continue;
      await this.#options.processors.reached(name, (now) => (now?.revision ?? 0) >= written.revision);
      if (stored === undefined) return { state: 'registered', changed, processor };
      return { state: changed.length === 0 ? 'unchanged' : 'updated', changed, processor };
    }
    throw new ProblemError(409, 'registration_conflict', `Others keep registering ${name} at the same time; try again`);
  }

  async #waiting(name: string): Promise<number> {
    const length = await asking(`counting what waits for ${name}`, () => this.#options.topology.queueLength(name));
    return length ?? 0;
  }

  async #assertQueueIsEmpty(name: string): Promise<void> {
    const waiting = await this.#waiting(name);
    if (waiting === 0) return;
    throw new ProblemError(
      409,
      'queue_not_empty',
      `${waiting} ${waiting === 1 ? 'message waits' : 'messages wait'} in the queue of ${name}: let it finish them, or force it (?force=true), which returns them to their lanes`,
      { extensions: { waiting } },
    );
  }

  /** What was on its way when the record went has arrived by now; if something did, the processor stays registered. */
  async #stillEmpty(processor: Processor): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#options.settleMs ?? 250));
    try {
      await this.#assertQueueIsEmpty(processor.name);
    } catch (error) {
      // A conflict means that somebody has registered it again already.
      await asking(`restoring ${processor.name}`, () =>
        this.#options.processors.bucket.create(processor.name, processor),
      );
      throw error;
    }
  }
}
