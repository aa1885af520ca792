/**
 * One partition that this instance owns, for one epoch: one message at a time, its frames in their order.
 *
 *   P1  A frame of a camera is begun when the call for the one before has ended. Frames older than one begun are not begun.
 *   P2  Before a call it is certain that the partition was this instance's at most `SURE_MS` ago: told by what the broker last
 *       took from us, or asked. An instance that was frozen begins nothing on the strength of what it knew before.
 *       (One that is cut off while it works may begin what follows for so long: in order, as the next owner does anew.)
 *   P3  A message is acknowledged when all of its frames are concluded, and the broker confirms it, before the next is worked.
 *   P4  Lost, it begins nothing, writes nothing and answers nothing any more. Calls that run end, and come to nothing.
 *
 *   running ── finish() ──▶ finishing ── message in hand acknowledged ──▶ ended
 *      └───────────────┴──── lost, or given up() ────────────────────────────┘
 */
import { type Delivery, type Publisher, PullLoop } from '@frame-buffer/jetstream';
import {
  type Assignment,
  fenceSubject,
  openBatch,
  type Positions,
  partitionDurable,
  STREAM,
} from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import { MessageInHand } from '../intake/message.ts';
import type { Task } from '../intake/task.ts';
import type { DeadLetters, Identity } from '../outcome/dead-letters.ts';
import { RareLog } from '../rare-log.ts';
import type { Counters } from '../stats.ts';
import { CameraPositions } from './camera-positions.ts';
import { Conclusions } from './conclusions.ts';
import { FencedPublisher } from './fenced-publisher.ts';
import type { FrameWork } from './frame-work.ts';

/** What all partitions of an instance share. */
export interface PartitionContext {
  readonly nc: NatsConnection;
  readonly identity: Identity;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly deadLetters: DeadLetters;
  readonly fits: (bytes: number) => boolean;
  readonly work: FrameWork;
  /** Frames of one call of the handler. */
  readonly maxBatch: number;
  readonly ackWaitMs: number;
  readonly counters: Counters;
  readonly log: Logger;
}

/** Well below the time after which a silent instance's partitions are given to others. */
const SURE_MS = 1_000;
const HOLD_MS = 5_000;
/** A stream without a leader answers as if the consumer did not exist; that passes. */
const MISSING_MS = 10_000;

export class OwnedPartition {
  readonly partition: number;
  readonly epoch: number;
  readonly #context: PartitionContext;
  readonly #loop: PullLoop;
  readonly #positions: CameraPositions;
  readonly #settlements: FencedPublisher;
  readonly #results: FencedPublisher;
  readonly #conclusions: Conclusions;
  readonly #over = new AbortController();
  readonly #lost = Promise.withResolvers<void>();
  readonly #still: NodeJS.Timeout;
  readonly #onLost: (why: string) => void;
  /** The former owner may have begun the first message. */
  #mayRepeat: boolean;
  #delivery: Delivery | undefined;
  #inHand: Promise<void> = Promise.resolve();
  #isFinishing = false;
  #sureUntil = 0;
  #missing: NodeJS.Timeout | undefined;

  constructor(context: PartitionContext, partition: number, assignment: Assignment, onLost: (why: string) => void) {
    const { epoch, mayRepeat, positions, settlementsFence, resultsFence } = assignment;
    const { nc, identity, log, deadLetters, fits, counters } = context;
    this.partition = partition;
    this.epoch = epoch;
    this.#context = context;
    this.#onLost = onLost;
    this.#mayRepeat = mayRepeat;
    this.#positions = new CameraPositions(positions);
    const refused = new RareLog(log, 'error', 'publish.refused');
    const behind = (subject: string, sequence: number) =>
      new FencedPublisher({
        publisher: this.#timed(),
        fence: { subject, sequence },
        onFenced: (detail) => {
          log.warn('partition.fenced', { partition, epoch, detail });
          this.lose('fenced');
        },
        onRefused: (to, detail) => refused.write({ subject: to, detail }),
      });
    this.#settlements = behind(fenceSubject.settlements(identity.name, partition), settlementsFence);
    this.#results = behind(fenceSubject.results(identity.name, partition), resultsFence);
    this.#conclusions = new Conclusions({
      identity,
      settlements: this.#settlements,
      results: this.#results,
      deadLetters,
      fits,
      counters,
      failed: new RareLog(log, 'warn', 'frame.failed'),
      lost: this.#lost.promise,
    });
    this.#still = setInterval(() => this.#delivery?.working(), context.ackWaitMs / 3);
    this.#loop = new PullLoop({
      nc,
      stream: STREAM.work,
      durable: partitionDurable(identity.name, partition, epoch),
      want: () => (this.#delivery === undefined && !this.#isFinishing && !this.isOver ? 1 : 0),
      onMessage: (delivery) => this.#arrived(delivery),
      onState: (state, detail) => {
        clearTimeout(this.#missing);
        if (state === 'deleted') this.lose('its consumer was deleted');
        if (state === 'missing') this.#missing = setTimeout(() => this.lose('its consumer is missing'), MISSING_MS);
        if (state !== 'ok') log.warn('partition.queue', { partition, epoch, state, detail });
      },
    });
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  get hasMessage(): boolean {
    return this.#delivery !== undefined;
  }

  /** Concluded so far, for the next owner. */
  get positions(): Positions {
    return this.#positions.handOn();
  }

  /** Takes no more. Resolves when what is in hand is acknowledged (true), or the partition was lost before that (false). */
  async finish(): Promise<boolean> {
    this.#isFinishing = true;
    const stopped = this.#loop.stop();
    await Promise.race([Promise.all([stopped, this.#inHand]), this.#lost.promise]);
    const isOurs = !this.isOver;
    this.#end();
    return isOurs;
  }

  /** Lets go of what is in hand: begins nothing more of it, and leaves it to the next owner. Returns whether there was anything. */
  giveUp(): boolean {
    const delivery = this.#delivery;
    this.#end();
    delivery?.nak();
    return delivery !== undefined;
  }

  /** Somebody else has it, or will. */
  lose(why: string): void {
    if (this.isOver) return;
    this.#end();
    this.#onLost(why);
  }

  #end(): void {
    clearInterval(this.#still);
    clearTimeout(this.#missing);
    this.#over.abort();
    this.#lost.resolve();
    this.#settlements.close();
    this.#results.close();
    void this.#loop.stop();
  }

  #arrived(delivery: Delivery): void {
    if (this.#delivery !== undefined || this.#isFinishing || this.isOver) {
      delivery.nak();
      return;
    }
    this.#delivery = delivery;
    this.#inHand = this.#work(delivery)
      .catch((error: unknown) => {
        this.#context.log.error('partition.failed', { partition: this.partition, epoch: this.epoch, error });
        delivery.nak(HOLD_MS);
      })
      .finally(() => {
        this.#delivery = undefined;
        this.#loop.poke();
      });
  }

  async #work(delivery: Delivery): Promise<void> {
    const { counters, nc } = this.#context;
    const opened = openBatch(delivery.data);
    if (!opened.ok) return this.#unreadable(delivery, opened.reason, opened.detail);
    const { batch } = opened;
    const isRepeat = this.#mayRepeat || delivery.deliveries > 1;
    const mayRepeat = this.#mayRepeat;
    this.#mayRepeat = false;
    counters.messages += 1;
    counters.frames += batch.frameCount;
    if (isRepeat) counters.redelivered += batch.frameCount;
    const message = new MessageInHand(delivery, batch.frameCount, () => {});
    const tasks = Array.from({ length: batch.frameCount }, (_, index) => ({ message, batch, index }));
    counters.queued += tasks.length;
    const conclusions: Promise<boolean>[] = [];
    const lines = this.#context.maxBatch > 1 ? [tasks] : byCamera(tasks);
    await Promise.all(lines.map((line) => this.#workLine(line, { isRepeat, mayRepeat }, conclusions)));
    const all = await Promise.all(conclusions);
    if (this.isOver || conclusions.length < 1 || all.includes(false)) return;
    if ((await delivery.confirmedAck(nc)) === 'gone') this.lose('its consumer is gone');
    else this.#sure(performance.now());
  }

  /** Frames that have to be worked one after the other. */
  async #workLine(
    line: readonly Task[],
    how: { readonly isRepeat: boolean; readonly mayRepeat: boolean },
    conclusions: Promise<boolean>[],
  ): Promise<void> {
    const { work, maxBatch, counters } = this.#context;
    for (let at = 0; at < line.length; ) {
      const call: Task[] = [];
      for (; at < line.length && call.length < maxBatch; at++) {
        const task = line[at] as Task;
        counters.queued -= 1;
        const standing = this.#standingOf(task, how.mayRepeat);
        if (standing === 'next') {
          call.push(task);
          this.#begin(task);
        } else if (standing === 'late') {
          conclusions.push(this.#concluded(task, this.#conclusions.superseded(task, how.isRepeat)));
        } else {
          conclusions.push(Promise.resolve(true));
        }
      }
      if (call.length === 0) continue;
      const worked = await work.work(call, () => this.#mayBegin(), this.#over.signal);
      for (const [i, one] of worked.entries()) {
        const task = call[i] as Task;
        if (one.kind === 'stopped' || this.isOver) conclusions.push(Promise.resolve(false));
        else conclusions.push(this.#concluded(task, this.#conclusions.conclude(one, how.isRepeat)));
      }
      if (this.isOver) {
        counters.queued -= line.length - at;
        return;
      }
    }
  }

  async #concluded({ batch, index }: Task, conclusion: Promise<'concluded' | 'given_up'>): Promise<boolean> {
    if ((await conclusion) === 'given_up') return false;
    const { camera, epoch } = batch.cameraOf(index);
    this.#positions.concluded(camera, epoch, batch.sequence(index));
    return true;
  }

  #standingOf({ batch, index }: Task, mayRepeat: boolean) {
    const { camera, epoch } = batch.cameraOf(index);
    return this.#positions.standingOf(camera, epoch, batch.sequence(index), mayRepeat);
  }

  #begin({ batch, index }: Task): void {
    const { camera, epoch } = batch.cameraOf(index);
    this.#positions.begun(camera, epoch, batch.sequence(index));
  }

  async #mayBegin(): Promise<boolean> {
    if (this.isOver) return false;
    if (performance.now() < this.#sureUntil) return true;
    const asked = performance.now();
    const answer = await this.#delivery?.confirmedWorking(this.#context.nc, this.#over.signal);
    if (answer === 'gone') this.lose('its consumer is gone');
    if (answer !== 'done' || this.isOver) return false;
    this.#sure(asked);
    return performance.now() < this.#sureUntil || this.#mayBegin();
  }

  #sure(since: number): void {
    this.#sureUntil = Math.max(this.#sureUntil, since + SURE_MS);
  }

  /** What the broker takes from us says that the partition was ours when it was sent. */
  #timed(): Pick<Publisher, 'publish'> {
    return {
      publish: async (subject, payload, options) => {
        const sent = performance.now();
        const result = await this.#context.publisher.publish(subject, payload, options);
        // What was sent again meanwhile was taken later than this, which errs on the safe side.
        if (result.ok && !result.duplicate) this.#sure(sent);
        return result;
      },
    };
  }

  async #unreadable(delivery: Delivery, reason: 'malformed' | 'unsupported_version', detail: string): Promise<void> {
    const { counters, deadLetters, log, nc } = this.#context;
    if (reason === 'unsupported_version') {
      // Order: what is behind it waits as well, until somebody can read it.
      counters.unsupported += 1;
      log.error('message.held', { subject: delivery.subject, reason, detail });
      delivery.nak(HOLD_MS);
      return;
    }
    counters.undecodable += 1;
    log.warn('frame.failed', { subject: delivery.subject, reason: 'undecodable', detail });
    const message = new MessageInHand(delivery, 1, () => {});
    if ((await deadLetters.ofMessage(message, delivery.data, detail)) !== 'stored') return;
    await delivery.confirmedAck(nc);
  }
}

/** Cameras do not wait for one another. */
function byCamera(tasks: readonly Task[]): Task[][] {
  const lines = new Map<string, Task[]>();
  for (const task of tasks) {
    const { camera } = task.batch.cameraOf(task.index);
    const line = lines.get(camera);
    if (line === undefined) lines.set(camera, [task]);
    else line.push(task);
  }
  return [...lines.values()];
}
