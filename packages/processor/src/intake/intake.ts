/**
 * The intake: from the processor's queue to tasks in hand.
 *
 *   I1  What cannot be read is dead-lettered, as it came, before it is acknowledged.
 *   I2  What a later version wrote is given back, to be held in the queue, and reported: an upgrade will read it.
 *   I3  A message whose frames are all settled is acknowledged again when it comes again (its ack was lost), not worked again.
 *   I4  While draining, or paused, what arrives is given back at once.
 *   I5  A pause takes back what was asked for: nothing more is sent to an instance that is paused.
 *
 *   running ⇄ paused ── stop() ──▶ draining ── everything in hand answered, or `giveBackAll` ──▶ empty
 */
import { type Delivery, PullLoop, type PullState } from '@frame-buffer/jetstream';
import { durable, openBatch, STREAM } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import { RareLog } from '../rare-log.ts';
import type { Counters } from '../stats.ts';
import type { Appetite } from './appetite.ts';
import { keyOf, MessageInHand } from './message.ts';
import type { Task } from './task.ts';

/**
 * How long a message of an unknown version rests before it is looked at again: longer each time, so that the broker's bound of
 * 1,000 deliveries holds it for days, not for an hour.
 */
const HOLD_MS = 5_000;
const LONGEST_HOLD_MS = 600_000;
/** Messages remembered as done; each costs some 100 bytes. */
const MAX_REMEMBERED = 4_096;

export interface IntakeOptions {
  readonly nc: NatsConnection;
  readonly processor: string;
  readonly ackWaitMs: number;
  readonly appetite: Appetite;
  readonly counters: Counters;
  readonly log: Logger;
  readonly onTasks: (tasks: readonly Task[]) => void;
  /** Stores it among the dead letters, then settles the message. */
  readonly onUndecodable: (message: MessageInHand, bytes: Uint8Array, detail: string) => void;
  readonly onQueueState: (state: PullState, detail: string) => void;
  /** Messages that may be in hand now, whatever the appetite. Default: any number. */
  readonly maxMessages?: () => number;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #inHand = new Map<string, MessageInHand>();
  readonly #done = new Set<string>();
  /** Undefined while paused. */
  #loop: PullLoop | undefined;
  /** Of loops that were stopped: nothing more comes through them. */
  #stopping: Promise<void> = Promise.resolve();
  #queueState: PullState = 'ok';
  readonly #working: NodeJS.Timeout;
  readonly #unsupported: RareLog;
  readonly #empty = Promise.withResolvers<void>();
  #unsettled = 0;
  #isDraining = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#unsupported = new RareLog(options.log, 'error', 'message.held');
    this.#working = setInterval(() => this.#stillWorking(), options.ackWaitMs / 3);
    this.#loop = this.#pull();
  }

  get messages(): number {
    return this.#inHand.size;
  }

  /** Says that frames were finished, so that there may be room. Cheap. */
  poke(): void {
    this.#loop?.poke();
  }

  /** Stops pulling, at once. What is in hand stays. */
  pause(): void {
    const loop = this.#loop;
    if (loop === undefined) return;
    this.#loop = undefined;
    this.#stopping = Promise.all([this.#stopping, loop.stop()]).then(() => undefined);
  }

  resume(): void {
    if (this.#loop !== undefined || this.#isDraining) return;
    // A new loop tells what it finds amiss, and nothing while all is well.
    if (this.#queueState !== 'ok') this.#reportQueue('ok', 'asked anew after a pause');
    this.#loop = this.#pull();
  }

  /** Asks for no more. Resolves when nothing can arrive any more. */
  async stop(): Promise<void> {
    this.#isDraining = true;
    this.#resolveWhenEmpty();
    this.pause();
    await this.#stopping;
  }

  /** Resolves when, after `stop`, every message is answered. */
  get empty(): Promise<void> {
    return this.#empty.promise;
  }

  /** Gives back what is not answered. Returns how many messages that were. */
  giveBackAll(): number {
    const messages = [...this.#inHand.values()];
    for (const message of messages) message.giveBack();
    return messages.length;
  }

  close(): void {
    clearInterval(this.#working);
  }

  #pull(): PullLoop {
    const { nc, processor } = this.#options;
    return new PullLoop({
      nc,
      stream: STREAM.work,
      durable: durable.processor(processor),
      want: () => this.#want(),
      onMessage: (delivery) => this.#arrived(delivery),
      onState: (state, detail) => this.#reportQueue(state, detail),
    });
  }

  #reportQueue(state: PullState, detail: string): void {
    this.#queueState = state;
    this.#options.onQueueState(state, detail);
  }

  #want(): number {
    if (this.#isDraining) return 0;
    const { counters, appetite, maxMessages } = this.#options;
    const frames = counters.queued + counters.inFlight;
    const messages = this.#inHand.size;
    const room = (maxMessages?.() ?? Infinity) - messages;
    return Math.min(room, appetite.want({ messages, frames, unsettled: this.#unsettled }));
  }

  #arrived(delivery: Delivery): void {
    const key = keyOf(delivery);
    const known = this.#inHand.get(key);
    if (this.#isDraining) delivery.nak();
    else if (known !== undefined) known.adopt(delivery);
    else if (this.#done.has(key)) delivery.ack();
    else if (this.#loop === undefined) delivery.nak();
    else this.#open(delivery);
  }

  #open(delivery: Delivery): void {
    const opened = openBatch(delivery.data);
    if (opened.ok) this.#accept(delivery, opened.batch);
    else if (opened.reason === 'unsupported_version') this.#hold(delivery, opened.detail);
    else this.#refuse(delivery, opened.detail);
  }

  #accept(delivery: Delivery, batch: Task['batch']): void {
    const { counters, appetite, onTasks } = this.#options;
    const message = this.#take(delivery, batch.frameCount);
    counters.messages += 1;
    counters.frames += batch.frameCount;
    if (message.isRedelivered) counters.redelivered += batch.frameCount;
    appetite.arrived(batch.frameCount);
    onTasks(Array.from({ length: batch.frameCount }, (_, index) => ({ message, batch, index })));
  }

  #refuse(delivery: Delivery, detail: string): void {
    const message = this.#take(delivery, 1);
    message.begin();
    this.#options.counters.undecodable += 1;
    this.#options.onUndecodable(message, delivery.data, detail);
  }

  #hold(delivery: Delivery, detail: string): void {
    this.#options.counters.unsupported += 1;
    const againMs = Math.min(HOLD_MS * delivery.deliveries, LONGEST_HOLD_MS);
    this.#unsupported.write({ subject: delivery.subject, reason: 'unsupported_version', detail, again_ms: againMs });
    delivery.nak(againMs);
  }

  #take(delivery: Delivery, frames: number): MessageInHand {
    const message = new MessageInHand(delivery, frames, (answered, answer) => this.#answered(answered, frames, answer));
    this.#inHand.set(message.key, message);
    this.#unsettled += frames;
    return message;
  }

  #answered(message: MessageInHand, frames: number, answer: 'acked' | 'givenBack'): void {
    this.#inHand.delete(message.key);
    this.#unsettled -= frames;
    if (answer === 'acked') this.#remember(message.key);
    this.#resolveWhenEmpty();
    if (!this.#isDraining) this.#loop?.poke();
  }

  #remember(key: string): void {
    this.#done.add(key);
    if (this.#done.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#done) {
      this.#done.delete(oldest);
      return;
    }
  }

  #resolveWhenEmpty(): void {
    if (this.#isDraining && this.#inHand.size === 0) this.#empty.resolve();
  }

  #stillWorking(): void {
    for (const message of this.#inHand.values()) message.working();
  }
}
