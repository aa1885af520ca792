/**
 * Dispatches the lane of one partition, one message at a time, slice after slice.
 *
 *   L1  A slice is published when the PubAck of the one before is in; the message is acknowledged after the last of them. With one
 *       message pending per lane at the broker, frames come into the processor's queue in their order, whoever dispatches.
 *   L2  A partition changes its processor only when nothing of it lies in the queue of another one that is ready.
 *   L3  A slice goes out when nothing of this lane is outstanding, or the processor has room.
 *   L4  A slice is dispatched whole: it is settled as expired here only if all of it is, so that its id stays what it is.
 *   L5  Frames that do not belong to this partition any more go to the lane that is theirs.
 *
 * idle ── message ──▶ placing ⇄ waiting (for a processor, for room, for the queue of another one) ──▶ acknowledged ──▶ idle
 */
import { type Delivery, PullLoop } from '@frame-buffer/jetstream';
import {
  type BatchView,
  durable,
  type Outcome,
  openBatch,
  partitionLane,
  partitionsOf,
  type Reason,
  STREAM,
  subject,
} from '@frame-buffer/protocol';
import type { DispatchContext } from '../dispatch/context.ts';
import { workMessage } from '../dispatch/work-message.ts';
import { LaneCredit } from './lane-credit.ts';
import { relane } from './relane.ts';
import { type RouteTarget, type Target, targetOf } from './target.ts';
import { queuedMessages } from './work-queues.ts';

const TICK_MS = 250;
/** The lane's ack wait is 4 s. */
const WORKING_EVERY_MS = 1_000;
const UNREADABLE_RETRY_MS = 5_000;
const SILENT_MS = 2_000;
const AGAIN_MS = 100;

/** A message in hand, and how far it is placed. */
interface InHand {
  readonly delivery: Delivery;
  readonly batch: BatchView;
  from: number;
}

export class OrderedLane {
  readonly capability: string;
  readonly partition: number;
  readonly #context: DispatchContext;
  readonly #credit: LaneCredit;
  readonly #loop: PullLoop;
  readonly #timer: NodeJS.Timeout;
  #inHand: InHand | undefined;
  #working: Promise<void> = Promise.resolve();
  /** Whose queue has the newest slices of this partition, as far as this orchestrator knows. */
  #settledOn = '';
  #wake: () => void = () => {};
  #isChecking = false;
  #isStopping = false;
  #lastWorking = 0;

  constructor(capability: string, partition: number, context: DispatchContext) {
    this.capability = capability;
    this.partition = partition;
    this.#context = context;
    this.#credit = new LaneCredit(context.now);
    const name = durable.lane(capability, partitionLane(partition));
    this.#loop = new PullLoop({
      nc: context.nc,
      stream: STREAM.frames,
      durable: name,
      want: () => (this.#inHand === undefined && !this.#isStopping ? 1 : 0),
      onMessage: (delivery) => this.#arrived(delivery),
      onState: (state) => context.log.info('lane.state', { lane: name, state }),
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  get inHand(): number {
    return this.#inHand === undefined ? 0 : 1;
  }

  /** Somebody may have got room, or routes have changed. */
  place(): void {
    this.#wake();
  }

  /** So many tasks of this partition that were sent from here are settled. */
  settled(tasks: number): void {
    this.#credit.settled(tasks);
    this.#wake();
  }

  /** What is in hand and not finished at once is left to the other orchestrators. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    this.#wake();
    await this.#loop.stop();
    await this.#working;
  }

  #arrived(delivery: Delivery): void {
    if (this.#inHand !== undefined || this.#isStopping) {
      delivery.nak();
      return;
    }
    const opened = openBatch(delivery.data);
    if (!opened.ok) {
      void this.#unreadable(delivery, opened.reason, opened.detail);
      return;
    }
    const inHand = { delivery, batch: opened.batch, from: 0 };
    this.#inHand = inHand;
    this.#working = this.#work(inHand).catch((error: unknown) => {
      this.#context.log.error('lane.failed', { lane: this.#name, error });
      delivery.nak(AGAIN_MS);
    });
    void this.#working.finally(() => {
      this.#inHand = undefined;
      this.#loop.poke();
    });
  }

  async #work(inHand: InHand): Promise<void> {
    const { batch, delivery } = inHand;
    while (inHand.from < batch.frameCount) {
      const target = targetOf(batch, inHand.from, this.partition, this.#context.routes());
      if (await this.#place(inHand, target)) continue;
      if (this.#isStopping) {
        // What of it was sent already is sent again under the same ids, which changes nothing.
        delivery.nak();
        return;
      }
      await this.#change();
    }
    delivery.ack();
  }

  /** True when it went on, so that there may be more to do at once. */
  async #place(inHand: InHand, target: Target): Promise<boolean> {
    const { batch, from } = inHand;
    if (target.kind === 'elsewhere') return this.#relane(inHand, target.to);
    if (target.kind === 'skip') return this.#settle(inHand, target.to, 'shed', 'skipped');
    const waitedMs = this.#waitedMs(inHand);
    let isExpired = true;
    for (let i = from; i < target.to && isExpired; i++) isExpired = batch.isExpired(i, waitedMs);
    if (isExpired)
      return this.#settle(inHand, target.to, 'expired', target.kind === 'nobody' ? 'no_processor' : 'deadline');
    if (target.kind === 'nobody') return false;
    const { processor } = target.route;
    const credit = this.#context.credits.of(processor.name);
    const limits = {
      concurrency: target.route.concurrency,
      maxQueue: processor.maxQueue,
      peers: this.#context.routes().peers,
    };
    if (this.#credit.outstanding > 0 && credit.room(limits, this.#context.now()) <= 0) return false;
    if (!(await this.#isFreeElsewhere(target))) return false;
    return this.#send(inHand, target);
  }

  async #send(inHand: InHand, { route, step, to }: RouteTarget): Promise<boolean> {
    const { self, incarnation, credits, publisher, metrics, steps, log, now } = this.#context;
    const { batch, from, delivery } = inHand;
    const { processor } = route;
    const waitedMs = this.#waitedMs(inHand);
    const message = workMessage(batch, { from, to }, processor, {
      incarnation: incarnation(),
      sequence: delivery.streamSequence,
      lane: partitionLane(this.partition),
      waitedMs,
      dispatcher: self,
    });
    const tasks = to - from;
    const credit = credits.of(processor.name);
    credit.dispatched(tasks);
    this.#credit.dispatched(tasks);
    const { msgId, headers } = message;
    const result = await publisher.publish(
      message.subject,
      message.payload,
      headers === undefined ? { msgId } : { msgId, headers },
    );
    if (!result.ok || result.duplicate) {
      // A repeat was counted by whoever sent it first.
      credit.returned(tasks);
      this.#credit.settled(tasks);
    }
    if (!result.ok) {
      credit.refused(now());
      metrics.refused(processor.name, result.reason);
      if (result.reason !== 'queue_full') log.warn('work.refused', { processor: processor.name, ...result });
      return false;
    }
    inHand.from = to;
    this.#settledOn = processor.name;
    metrics.dispatched(this.capability, processor.name, tasks, batch.ageAtPublishMs(from) + waitedMs);
    metrics.decided(this.capability, step, tasks);
    steps.decided(this.capability, step, now());
    return true;
  }

  /** L2: asked only where there is anybody else, and this orchestrator has not seen it settled. */
  async #isFreeElsewhere({ route, alternatives }: RouteTarget): Promise<boolean> {
    const { name } = route.processor;
    if (alternatives === 0 || this.#settledOn === name) return true;
    const queued = await queuedMessages(this.#context.nc, subject.workInLane(partitionLane(this.partition)));
    if (queued === undefined) return false;
    const others = this.#context.routes().chains.get(this.capability)?.routes ?? [];
    return others.every(
      ({ processor }) =>
        processor.name === name || !queued.has(subject.work(processor.name, partitionLane(this.partition))),
    );
  }

  async #settle<O extends Outcome>(inHand: InHand, to: number, kind: O, reason: Reason<O>): Promise<boolean> {
    const { settlements, metrics } = this.#context;
    const { batch, from } = inHand;
    const stored: Promise<void>[] = [];
    for (let i = from; i < to; i++) {
      const { camera, epoch } = batch.cameraOf(i);
      const key = { camera, epoch, capability: this.capability, kind, reason, generation: batch.generation };
      stored.push(settlements.add(key, batch.sequence(i)));
    }
    await Promise.all(stored);
    inHand.from = to;
    if (kind === 'expired') metrics.expired(this.capability, reason, to - from);
    else metrics.decided(this.capability, 'skip', to - from);
    return true;
  }

  async #relane(inHand: InHand, to: number): Promise<boolean> {
    const { routes, incarnation, publisher, log } = this.#context;
    const partitions = partitionsOf(routes().chains.get(this.capability)?.policy);
    const { range, message } = relane(inHand.batch, { from: inHand.from, to }, partitions, {
      incarnation: incarnation(),
      sequence: inHand.delivery.streamSequence,
      waitedMs: this.#waitedMs(inHand),
    });
    const result = await publisher.publish(message.subject, message.payload, { msgId: message.msgId });
    if (result.ok) inHand.from = range.to;
    else log.warn('lane.refused', { lane: message.subject, reason: result.reason, detail: result.detail });
    return result.ok;
  }

  async #unreadable(delivery: Delivery, reason: 'malformed' | 'unsupported_version', detail: string): Promise<void> {
    const { log, metrics, deadLetters } = this.#context;
    metrics.unreadable(this.capability, reason);
    log.error('frames.unreadable', { subject: delivery.subject, sequence: delivery.streamSequence, reason, detail });
    const isBuried = reason === 'malformed' && (await deadLetters.undecodable(delivery, detail));
    if (isBuried) delivery.ack();
    else delivery.nak(UNREADABLE_RETRY_MS);
  }

  /** Resolves when something may have changed. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #tick(): void {
    this.#wake();
    this.#loop.poke();
    if (this.#credit.isSilent(SILENT_MS)) void this.#correct();
    const now = this.#context.now();
    if (now - this.#lastWorking < WORKING_EVERY_MS) return;
    this.#lastWorking = now;
    this.#inHand?.delivery.working();
  }

  /** Settlements that were missed: if nothing of this partition is queued anywhere, nothing is outstanding. */
  async #correct(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    const queued = await queuedMessages(this.#context.nc, subject.workInLane(partitionLane(this.partition)));
    this.#isChecking = false;
    if (queued === undefined || queued.has(subject.work(this.#settledOn, partitionLane(this.partition)))) return;
    this.#context.log.info('credit.corrected', { lane: this.#name, outstanding: this.#credit.outstanding });
    this.#credit.correctToEmpty();
    this.#wake();
  }

  #waitedMs({ delivery }: InHand): number {
    return this.#context.clock.sinceMs(delivery.stampedAtMs);
  }

  get #name(): string {
    return `${this.capability}.${partitionLane(this.partition)}`;
  }
}
