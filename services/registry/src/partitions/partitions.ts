/**
 * Assigns the partitions of ordered processors to their live instances.
 *
 *   A1  One registry at a time assigns; every record is written by compare-and-set, so that one that was frozen changes nothing.
 *   A2  A live owner is told to drain and has `DRAIN_MS` to give back; a dead one, or one that is too slow, is cut off at once.
 *   A3  Shares stay balanced, and as few partitions as possible move (see plan.ts).
 *   A4  Only an owner gives a partition back, under its epoch. A claim of anybody else is refused, and told in EVENTS.
 *
 *      (none) ── an instance is ready ──▶ assigned ── to move ──▶ draining ── released, or too slow ──▶ assigned to the next
 *                                            └── owner dead ──▶ assigned to the next, or nobody's
 */
import type { EventLog, JsonBucket, LeaseRecord, Publisher, Topology } from '@frame-buffer/jetstream';
import {
  type Assignment,
  assignmentKey,
  type Instance,
  type Policy,
  type Processor,
  parseAssignmentKey,
  partitionLane,
  type ReleaseRequest,
} from '@frame-buffer/protocol';
import { ProblemError } from '@frame-buffer/service';
import type { Logger } from '@frame-buffer/telemetry';
import { asking } from '../broker-errors.ts';
import type { FollowedBucket } from '../followed-bucket.ts';
import type { Instances } from '../instances.ts';
import { KeyedLock } from '../keyed-lock.ts';
import { Duty } from '../lifecycle/duty.ts';
import { HandOver } from './hand-over.ts';
import { orderingFault, partitionsOfProcessor } from './ordering.ts';
import { plan } from './plan.ts';

export interface PartitionsOptions {
  readonly processors: FollowedBucket<Processor>;
  readonly policies: FollowedBucket<Policy>;
  readonly assignments: FollowedBucket<Assignment>;
  /** The heartbeats' bucket: its changes are what is acted upon at once. */
  readonly heartbeats: Pick<FollowedBucket<Instance>, 'onChange'>;
  readonly instances: Pick<Instances, 'of'>;
  /** May the processor have consumers? */
  readonly hasQueue: (processor: string) => boolean;
  readonly topology: Topology;
  readonly publisher: Publisher;
  /** Gives the queue that a processor had before it became ordered back to the lanes. */
  readonly returnQueue: (processor: string, signal: AbortSignal) => Promise<void>;
  readonly events: Pick<EventLog, 'record'>;
  /** This registry's instance. */
  readonly by: string;
  readonly log: Logger;
}

const CHECK_EVERY_MS = 250;
/** Joins that come together move partitions once. */
const SETTLE_MS = 50;
/** Longer than a message takes; an owner that needs more is cut off, and its message is worked again. */
const DRAIN_MS = 10_000;
const SEEN_BOUND_MS = 1_000;
/** Of the same length as the wait for orchestrators that have not heard yet, see the registration. */
const HEARD_MS = 250;
const KIND = 'processor';

export class Partitions {
  readonly #options: PartitionsOptions;
  readonly #handOver: HandOver;
  readonly #locks = new KeyedLock();
  readonly #end = new AbortController();
  /** When a partition was told to drain, by key: the epoch, and this process's monotonic clock. */
  readonly #draining = new Map<string, { readonly epoch: number; readonly since: number }>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  /** Ordered processors that have no queue of the unordered kind any more. */
  readonly #closed = new Set<string>();
  #duty: Duty | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;

  constructor(options: PartitionsOptions) {
    this.#options = options;
    const { topology, publisher, assignments, by, processors, policies, heartbeats } = options;
    this.#handOver = new HandOver({ topology, publisher, bucket: () => assignments.bucket, by });
    for (const bucket of [processors, policies, assignments, heartbeats])
      (bucket as Pick<FollowedBucket<unknown>, 'onChange'>).onChange(() => this.#check());
  }

  /** Once the records are read. */
  start(leases: JsonBucket<LeaseRecord>): void {
    const { by, log } = this.#options;
    if (this.#duty !== undefined || this.#end.signal.aborted) return;
    this.#duty = new Duty({
      bucket: leases,
      name: 'partitions',
      owner: by,
      begin: () => this.#begin(),
      end: () => this.#stopChecking(),
      log,
    });
  }

  get hasDuty(): boolean {
    return this.#duty?.isHeld ?? false;
  }

  /** 0 when the processor is not ordered. */
  partitionsOf(processor: Pick<Processor, 'capabilities'>): number {
    return partitionsOfProcessor(processor, (capability) => this.#options.policies.get(capability));
  }

  /** Throws 409 `mixed_ordering`, 422 `ordered_needs_settlements`. */
  assertRegistrable(processor: Processor): void {
    const fault = orderingFault(processor, (capability) => this.#options.policies.get(capability));
    if (fault !== undefined)
      throw new ProblemError(fault.code === 'mixed_ordering' ? 409 : 422, fault.code, fault.message);
  }

  /** Would a registered processor become impossible? Throws as above. */
  assertPolicy(capability: string, policy: Policy): void {
    const { processors, policies } = this.#options;
    for (const processor of processors.values()) {
      if (!processor.capabilities.includes(capability)) continue;
      const fault = orderingFault(processor, (name) => (name === capability ? policy : policies.get(name)));
      if (fault !== undefined) throw new ProblemError(409, fault.code, fault.message);
    }
  }

  /** Who has which partition, as last seen; by partition. */
  assignmentsOf(processor: string): readonly (Assignment & { readonly partition: number })[] {
    return [...this.#records(processor)]
      .map(([partition, { value }]) => ({ partition, ...value }))
      .sort((a, b) => a.partition - b.partition);
  }

  /** A4. Throws 409 `partition_not_yours` or `partition_moved`. Resolves when it is kept. */
  async release(request: ReleaseRequest): Promise<{ released: true }> {
    const { assignments, events, log } = this.#options;
    const { processor, partition, instance, epoch, positions = {}, unfinished = false } = request;
    const key = assignmentKey(processor, partition);
    for (;;) {
      const stored = await asking(`reading ${key}`, () => assignments.bucket.get(key));
      const now = stored?.value;
      if (now?.instance === instance && now.epoch === epoch && now.state === 'released') return { released: true };
      if (stored === undefined || now?.instance !== instance || now.epoch !== epoch) {
        const owner = now === undefined || now.instance === '' ? 'nobody' : now.instance;
        const detail = `${partitionLane(partition)} of ${processor} is not ${instance}'s under epoch ${epoch}: ${owner} has it under epoch ${now?.epoch ?? 0}`;
        if (now !== undefined && epoch < now.epoch) throw new ProblemError(409, 'partition_moved', detail);
        log.warn('partition.claim_refused', { processor, partition, who: instance, epoch });
        events.record({ kind: KIND, id: processor, event: 'partition.claim_refused', cause: detail });
        throw new ProblemError(409, 'partition_not_yours', detail);
      }
      const record: Assignment = { ...stored.value, state: 'released', positions, mayRepeat: unfinished };
      const written = await asking(`releasing ${key}`, () => assignments.bucket.update(key, record, stored.revision));
      if (written.ok) return { released: true };
    }
  }

  async stop(): Promise<void> {
    this.#end.abort(new Error('the registry stops'));
    this.#stopChecking();
    await this.#duty?.stop();
  }

  #begin(): void {
    this.#closed.clear();
    this.#draining.clear();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#checkAll(), CHECK_EVERY_MS);
    this.#timer.unref();
    this.#checkAll();
  }

  #stopChecking(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#soon = undefined;
  }

  #check(): void {
    if (!this.hasDuty || this.#soon !== undefined) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#checkAll();
    }, SETTLE_MS);
  }

  #checkAll(): void {
    if (!this.hasDuty || this.#end.signal.aborted) return;
    const names = new Set<string>();
    for (const processor of this.#options.processors.values())
      if (this.partitionsOf(processor) > 0) names.add(processor.name);
    for (const [key, { instance }] of this.#options.assignments.entries()) {
      const of = parseAssignmentKey(key);
      if (of !== undefined && instance !== '') names.add(of.processor);
    }
    for (const name of names) this.#run(name);
  }

  #run(name: string): void {
    if (this.#running.has(name)) {
      this.#again.add(name);
      return;
    }
    this.#running.add(name);
    void this.#reconcile(name)
      .catch((error: unknown) => this.#options.log.warn('partitions.failed', { processor: name, error }))
      .finally(() => {
        this.#running.delete(name);
        if (this.#again.delete(name)) this.#check();
      });
  }

  async #reconcile(name: string): Promise<void> {
    const { processors, hasQueue, instances } = this.#options;
    const processor = processors.get(name);
    const count = processor === undefined || !hasQueue(name) ? 0 : this.partitionsOf(processor);
    if (count > 0 && !(await this.#closeUnordered(name))) return;
    if (count === 0) this.#closed.delete(name);
    const living = instances.of('processor', name);
    const present = new Set(living.map(({ instance }) => instance));
    const ready = living.filter(({ state }) => state === 'ready').map(({ instance }) => instance);
    const records = this.#records(name);
    const holders = Array.from({ length: count }, (_, p) => {
      const record = records.get(p)?.value;
      return record !== undefined && record.state !== 'released' && present.has(record.instance)
        ? record.instance
        : undefined;
    });
    const wanted = plan(count, ready, holders);
    const all = new Set([...wanted.keys(), ...records.keys()]);
    await Promise.all(
      [...all].map((p) =>
        this.#settlePartition({
          name,
          processor,
          partition: p,
          wanted: wanted[p] ?? '',
          isPresent: (instance) => present.has(instance),
        }),
      ),
    );
  }

  async #settlePartition(step: Step): Promise<void> {
    const { name, partition, wanted, isPresent } = step;
    const key = assignmentKey(name, partition);
    const stored = this.#options.assignments.stored(key);
    const now = stored?.value;
    if (stored === undefined || now === undefined) {
      if (wanted !== '') await this.#give(step, 'it had nobody');
    } else if (now.instance === '') {
      if (wanted !== '') await this.#give(step, 'it had nobody');
    } else if (now.state === 'released') {
      await this.#give(step, `${now.instance} has given it back`);
    } else if (!isPresent(now.instance)) {
      await this.#give(step, `${now.instance} is gone`);
    } else if (now.state === 'assigned' && (now.instance !== wanted || wanted === '')) {
      await this.#drain(key, stored.revision, now, wanted);
    } else if (now.state === 'draining' && this.#isTooSlow(key, now.epoch)) {
      await this.#give(step, `${now.instance} has not given it back within ${DRAIN_MS / 1000} s`);
    }
  }

  async #drain(key: string, revision: number, now: Assignment, wanted: string): Promise<void> {
    const { assignments, log } = this.#options;
    this.#draining.set(key, { epoch: now.epoch, since: performance.now() });
    const record: Assignment = { ...now, state: 'draining' };
    const written = await asking(`draining ${key}`, () => assignments.bucket.update(key, record, revision));
    if (!written.ok) return;
    log.info('partition.draining', { partition: key, from: now.instance, to: wanted, epoch: now.epoch });
    await assignments.reached(key, (stored) => (stored?.revision ?? 0) >= written.revision, SEEN_BOUND_MS);
  }

  #isTooSlow(key: string, epoch: number): boolean {
    const known = this.#draining.get(key);
    if (known?.epoch === epoch) return performance.now() - known.since >= DRAIN_MS;
    // Told by another registry: its time begins anew.
    this.#draining.set(key, { epoch, since: performance.now() });
    return false;
  }

  async #give({ name, processor, partition, wanted }: Step, why: string): Promise<void> {
    const { assignments, events, log } = this.#options;
    const key = assignmentKey(name, partition);
    const outcome = await this.#handOver.run(processor ?? { name }, partition, wanted);
    this.#draining.delete(key);
    if (outcome.kind === 'conflict') {
      // Somebody has written meanwhile: what is to be done is decided anew on what is there.
      const stored = await asking(`reading ${key}`, () => assignments.bucket.get(key));
      await assignments.reached(key, (seen) => (seen?.revision ?? 0) >= (stored?.revision ?? 0), SEEN_BOUND_MS);
      return;
    }
    const { assignment, revision } = outcome;
    const { epoch, mayRepeat } = assignment;
    log.info('partition.assigned', { processor: name, partition, to: wanted, epoch, may_repeat: mayRepeat, why });
    events.record({
      kind: KIND,
      id: name,
      event: wanted === '' ? 'partition.vacated' : 'partition.assigned',
      cause: `${partitionLane(partition)} epoch ${epoch}${wanted === '' ? '' : ` to ${wanted}`}: ${why}`,
    });
    await assignments.reached(key, (stored) => (stored?.revision ?? 0) >= revision, SEEN_BOUND_MS);
  }

  /** A processor that has become ordered has a queue of the other kind, whose consumer reads all lanes: it has to go first. */
  #closeUnordered(name: string): Promise<boolean> {
    const { topology, returnQueue, log } = this.#options;
    return this.#locks.hold(name, async () => {
      if (this.#closed.has(name)) return true;
      const length = await asking(`looking at the queue of ${name}`, () => topology.queueLength(name));
      if (length !== undefined) {
        log.info('queue.becomes_ordered', { processor: name, messages: length });
        await new Promise((resolve) => setTimeout(resolve, HEARD_MS));
        await returnQueue(name, this.#end.signal);
      }
      this.#closed.add(name);
      return true;
    });
  }

  #records(name: string) {
    const records = new Map<number, { readonly value: Assignment; readonly revision: number }>();
    for (const [key] of this.#options.assignments.entries()) {
      const of = parseAssignmentKey(key);
      const stored = this.#options.assignments.stored(key);
      if (of?.processor === name && stored !== undefined) records.set(of.partition, stored);
    }
    return records;
  }
}

interface Step {
  readonly name: string;
  readonly processor: Processor | undefined;
  readonly partition: number;
  /** Empty for nobody. */
  readonly wanted: string;
  readonly isPresent: (instance: string) => boolean;
}
