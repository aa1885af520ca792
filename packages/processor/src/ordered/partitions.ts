/**
 * The partitions of an ordered processor that this instance owns, as the registry assigns them: its intake, in place of the queue
 * that unordered processors share.
 *
 *   A1  A partition is worked only under an assignment that this process has seen being given: one that a namesake before it left
 *       behind is given back unused.
 *   A2  Told to drain a partition, it finishes the message in hand and gives the partition back.
 *   A3  What was lost or refused is dropped at once. If the registry believes that it is still ours, it is given back, and comes
 *       again under a new epoch.
 *
 *   following ── stop() ──▶ draining ── everything finished and given back, or `giveBackAll` ──▶ empty
 */
import { JsonBucket, Mirror } from '@frame-buffer/jetstream';
import { type Assignment, assignmentSchema, BUCKET, parseAssignmentKey } from '@frame-buffer/protocol';
import { pause } from '../pause.ts';
import { RareLog } from '../rare-log.ts';
import { OwnedPartition, type PartitionContext } from './owned-partition.ts';
import { release } from './release.ts';

const OPEN_AGAIN_MS = 500;
const LOOK_EVERY_MS = 1_000;
const MOVED_MS = 500;

interface Held {
  readonly owned: OwnedPartition;
  isFinishing: boolean;
}

export class Partitions {
  readonly #context: PartitionContext;
  readonly #onState: (state: 'ok' | 'missing', detail: string) => void;
  readonly #held = new Map<number, Held>();
  /** Epochs that were given back, by partition: what the mirror still shows of them is over. */
  readonly #over = new Map<number, number>();
  readonly #end = new AbortController();
  readonly #empty = Promise.withResolvers<void>();
  #mirror: Mirror<Assignment> | undefined;
  #watch: NodeJS.Timeout | undefined;
  #isStopping = false;

  /** `onState`: does any instance of the processor have a partition? If not, it may have to be registered anew. */
  constructor(context: PartitionContext, onState: (state: 'ok' | 'missing', detail: string) => void) {
    this.#context = context;
    this.#onState = onState;
  }

  /** Resolves when the assignments are read. Ends early when the signal is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    const waiting = new RareLog(this.#context.log, 'warn', 'assignments.waiting');
    while (!signal.aborted) {
      try {
        const { nc } = this.#context;
        const bucket = await JsonBucket.open({ nc, bucket: BUCKET.assignments, schema: assignmentSchema });
        this.#follow(await Mirror.of(bucket));
        return;
      } catch (error) {
        waiting.write({ detail: error instanceof Error ? error.message : String(error) });
        await pause(OPEN_AGAIN_MS, signal);
      }
    }
  }

  /** Messages in hand. */
  get messages(): number {
    return [...this.#held.values()].filter(({ owned }) => owned.hasMessage).length;
  }

  /** Partitions that are worked now. */
  get owned(): readonly number[] {
    return [...this.#held.keys()].sort((a, b) => a - b);
  }

  /** Calls of the handler that have not ended. */
  get calls(): number {
    return this.#context.work.running + this.#context.work.overdue;
  }

  get overdue(): number {
    return this.#context.work.overdue;
  }

  poke(): void {
    this.#context.work.poke();
  }

  /** Begins no more calls. What is in hand stays. */
  pause(): void {
    this.#context.work.pause();
  }

  resume(): void {
    this.#context.work.resume();
  }

  /** Takes no more; what is finished is given back at once. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#watch);
    this.#mirror?.stop();
    void Promise.all([...this.#held].map(([partition, held]) => this.#finish(partition, held))).then(() =>
      this.#empty.resolve(),
    );
  }

  /** Resolves when, after `stop`, nothing is in hand and everything is given back. */
  get empty(): Promise<void> {
    return this.#empty.promise;
  }

  /** Lets go of everything that is not finished. Returns how many messages that were. */
  giveBackAll(): number {
    let messages = 0;
    for (const [partition, { owned }] of this.#held) {
      const unfinished = owned.giveUp();
      if (unfinished) messages += 1;
      void this.#giveBack(partition, owned.epoch, owned.positions, unfinished);
    }
    this.#held.clear();
    return messages;
  }

  close(): void {
    clearInterval(this.#watch);
    this.#mirror?.stop();
    this.#end.abort();
    for (const { owned } of this.#held.values()) owned.giveUp();
  }

  #follow(mirror: Mirror<Assignment>): void {
    this.#mirror = mirror;
    const { identity } = this.#context;
    for (const [key, { instance, epoch }] of mirror.entries()) {
      const of = parseAssignmentKey(key);
      if (of?.processor !== identity.name || instance !== identity.instance) continue;
      this.#context.log.info('partition.inherited', { partition: of.partition, epoch });
      void this.#giveBack(of.partition, epoch, {});
    }
    this.#watch = setInterval(() => this.#look(), LOOK_EVERY_MS);
    mirror.onChange((key, stored) => {
      const of = parseAssignmentKey(key);
      if (of?.processor === identity.name) this.#apply(of.partition, stored?.value);
    });
  }

  #look(): void {
    if (this.#mirror?.isCurrent !== true) return;
    const isServed = [...this.#mirror.entries()].some(
      ([key, { instance }]) => instance !== '' && parseAssignmentKey(key)?.processor === this.#context.identity.name,
    );
    this.#onState(isServed ? 'ok' : 'missing', isServed ? '' : 'no partition is assigned to anybody');
  }

  #apply(partition: number, assignment: Assignment | undefined): void {
    const { identity } = this.#context;
    const held = this.#held.get(partition);
    const isOurs = assignment?.instance === identity.instance && assignment.state !== 'released';
    if (held !== undefined && !(isOurs && assignment.epoch === held.owned.epoch)) {
      held.owned.lose('another epoch has begun');
      this.#held.delete(partition);
    }
    if (!isOurs || this.#isStopping || assignment.epoch <= (this.#over.get(partition) ?? -1)) return;
    if (assignment.state === 'draining') void this.#drain(partition, assignment.epoch);
    else if (!this.#held.has(partition)) this.#take(partition, assignment);
  }

  #take(partition: number, assignment: Assignment): void {
    const { epoch } = assignment;
    const owned = new OwnedPartition(this.#context, partition, assignment, (why) => {
      this.#context.log.warn('partition.lost', { partition, epoch, why });
      if (this.#held.get(partition)?.owned === owned) this.#held.delete(partition);
      void this.#giveBackUnlessMoved(partition, owned);
    });
    this.#held.set(partition, { owned, isFinishing: false });
    this.#context.log.info('partition.taken', { partition, epoch, may_repeat: assignment.mayRepeat });
  }

  /** A3: a take-over shows in the record within moments. If it does not, the registry has to be told. */
  async #giveBackUnlessMoved(partition: number, owned: OwnedPartition): Promise<void> {
    await pause(MOVED_MS, this.#end.signal);
    if (this.#isStopping || !this.#isAssignedHere(partition, owned.epoch)) return;
    await this.#giveBack(partition, owned.epoch, owned.positions, true);
  }

  async #drain(partition: number, epoch: number): Promise<void> {
    const held = this.#held.get(partition);
    if (held === undefined) await this.#giveBack(partition, epoch, {});
    else await this.#finish(partition, held);
  }

  async #finish(partition: number, held: Held): Promise<void> {
    if (held.isFinishing) return;
    held.isFinishing = true;
    const isOurs = await held.owned.finish();
    if (this.#held.get(partition) === held) this.#held.delete(partition);
    if (isOurs) await this.#release(partition, held.owned);
  }

  #release(partition: number, owned: OwnedPartition): Promise<void> {
    return this.#giveBack(partition, owned.epoch, owned.positions);
  }

  async #giveBack(
    partition: number,
    epoch: number,
    positions: Assignment['positions'],
    unfinished = false,
  ): Promise<void> {
    this.#over.set(partition, epoch);
    const { nc, identity, log } = this.#context;
    const request = { processor: identity.name, partition, instance: identity.instance, epoch, positions, unfinished };
    await release(nc, request, { log, signal: this.#end.signal });
    log.info('partition.released', { partition, epoch });
  }

  #isAssignedHere(partition: number, epoch: number): boolean {
    const { identity } = this.#context;
    for (const [key, { instance, epoch: assigned }] of this.#mirror?.entries() ?? []) {
      const of = parseAssignmentKey(key);
      if (of?.processor === identity.name && of.partition === partition)
        return instance === identity.instance && assigned === epoch;
    }
    return false;
  }
}
