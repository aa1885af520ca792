/**
 * Returns what is queued for a processor to the lanes: pause → wait → delete → drain → done.
 *
 *   Q1  Each message is in its lane (PubAck) and its tasks are settled as `returned` before it is taken out of the queue.
 *   Q2  Begun anew after a crash it goes on: what the former drain had in hand comes again at once, and ids repeat themselves.
 *   Q3  The processor's consumer is deleted before the first message is taken: whoever still works on one has nothing to say.
 *   Q4  What a later version wrote stays in the queue. What is damaged is dead-lettered, as it came.
 */
import { setTimeout as wait } from 'node:timers/promises';
import {
  type Delivery,
  type Publisher,
  PullLoop,
  type SettlementKey,
  type SettlementWriter,
} from '@frame-buffer/jetstream';
import {
  type BatchView,
  type DeadLetter,
  durable,
  HEADER,
  parsePartitionDurable,
  STREAM,
  subject,
} from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { asking } from '../broker-errors.ts';
import { returnedMessage } from './returned-message.ts';

export interface QueueReturnOptions {
  readonly nc: NatsConnection;
  readonly publisher: Publisher;
  readonly settlements: Pick<SettlementWriter, 'addRange'>;
  /** Milliseconds since a stamp of the broker. */
  readonly sinceMs: (stampedAtMs: number) => number;
  /** This registry's instance. */
  readonly by: string;
  readonly log: Logger;
}

export interface ReturnReport {
  readonly messages: number;
  readonly tasks: number;
  /** Messages that stay in the queue, because this version cannot read them. */
  readonly held: number;
}

/** Whoever still works may finish for so long; those who dispatch have heard by then that it is lost. */
const IN_FLIGHT_MS = 1_000;
const PAUSE_MS = 60_000;
const LOOK_EVERY_MS = 50;
const IN_HAND = 256;
const LANE_FULL_MS = 250;
const NANOS = 1_000_000;
const DRAIN_ACK_WAIT_MS = 30_000;
const REASON = 'undecodable';

export class QueueReturn {
  readonly #options: QueueReturnOptions;
  #jsm: JetStreamManager | undefined;

  constructor(options: QueueReturnOptions) {
    this.#options = options;
  }

  /** Messages in the queues, by processor; those without are missing. One request for all. */
  async lengths(): Promise<ReadonlyMap<string, number>> {
    const jsm = await this.#manager();
    const { state } = await asking('counting what is queued', () =>
      jsm.streams.info(STREAM.work, { subjects_filter: '>' }),
    );
    const lengths = new Map<string, number>();
    for (const [name, messages] of Object.entries(state.subjects ?? {})) {
      const processor = name.split('.')[1] ?? '';
      lengths.set(processor, (lengths.get(processor) ?? 0) + messages);
    }
    return lengths;
  }

  /**
   * Throws what the broker says, when it says no or nothing; begin anew then. `epoch`, that of the processor's registration, is in the drain's name.
   * Rejects with the signal's reason when aborted.
   */
  async run(processor: string, epoch: number, reason: string, signal: AbortSignal): Promise<ReturnReport> {
    const deliveredTo = await this.#closeQueue(processor, signal);
    const { drain, isResumed } = await this.#openDrain(processor, epoch);
    const mayHaveBegunTo = isResumed ? Number.POSITIVE_INFINITY : deliveredTo;
    const report = await this.#drain({ processor, reason, drain, mayHaveBegunTo, signal });
    await this.#delete(drain);
    return report;
  }

  /** Returns up to which sequence somebody may have begun to work; 0 when there was no consumer. */
  async #closeQueue(processor: string, signal: AbortSignal): Promise<number> {
    const jsm = await this.#manager();
    const name = durable.processor(processor);
    const paused = await this.#unlessGone(jsm.consumers.pause(STREAM.work, name, new Date(Date.now() + PAUSE_MS)));
    const until = performance.now() + IN_FLIGHT_MS;
    let deliveredTo = 0;
    while (paused !== undefined && performance.now() < until) {
      const info = await this.#unlessGone(jsm.consumers.info(STREAM.work, name));
      deliveredTo = info?.delivered.stream_seq ?? deliveredTo;
      if (info === undefined || info.num_ack_pending === 0) break;
      await wait(LOOK_EVERY_MS, undefined, { signal });
    }
    await this.#delete(name);
    return deliveredTo;
  }

  /**
   * A drain that is there was left by a crash: what it had in hand comes again by ours, without its ack wait. Consumers of
   * partitions are in its way as well: only the registry makes them anew.
   */
  async #openDrain(processor: string, epoch: number): Promise<{ drain: string; isResumed: boolean }> {
    const jsm = await this.#manager();
    const name = durable.drain(processor, epoch);
    const former = await asking('listing consumers', async () => {
      const found: string[] = [];
      const prefix = durable.drain(processor, 0).slice(0, -1);
      for await (const info of jsm.consumers.list(STREAM.work)) {
        const isPartition = parsePartitionDurable(info.name)?.processor === processor;
        if (isPartition || info.name.startsWith(prefix)) found.push(info.name);
      }
      return found;
    });
    for (const one of former) await this.#delete(one);
    await asking(`making ${name}`, () =>
      jsm.consumers.add(STREAM.work, {
        durable_name: name,
        description: `Takes back the queue of processor ${processor}`,
        filter_subject: subject.workOf(processor),
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
        ack_wait: DRAIN_ACK_WAIT_MS * NANOS,
        max_ack_pending: 4 * IN_HAND,
        max_deliver: -1,
      }),
    );
    return { drain: name, isResumed: former.length > 0 };
  }

  async #drain(task: DrainTask): Promise<ReturnReport> {
    const { nc } = this.#options;
    const { drain, signal } = task;
    const count = { messages: 0, tasks: 0, held: 0 };
    let inHand = 0;
    let failure: unknown;
    const loop = new PullLoop({
      nc,
      stream: STREAM.work,
      durable: drain,
      want: () => (failure === undefined ? IN_HAND - inHand : 0),
      onMessage: (delivery) => {
        inHand += 1;
        void this.#return(delivery, task, count)
          .catch((error: unknown) => {
            failure ??= error;
            delivery.nak();
          })
          .finally(() => {
            inHand -= 1;
            loop.poke();
          });
      },
    });
    try {
      while (!(await this.#isEmpty(drain, count.held, () => inHand))) {
        if (failure !== undefined) throw failure;
        await wait(LOOK_EVERY_MS, undefined, { signal });
      }
    } finally {
      await loop.stop();
    }
    return count;
  }

  async #isEmpty(drain: string, held: number, inHand: () => number): Promise<boolean> {
    if (inHand() > 0) return false;
    const jsm = await this.#manager();
    const info = await asking(`looking at ${drain}`, () => jsm.consumers.info(STREAM.work, drain));
    return inHand() === 0 && info.num_pending === 0 && info.num_ack_pending <= held;
  }

  async #return(
    delivery: Delivery,
    task: DrainTask,
    count: { messages: number; tasks: number; held: number },
  ): Promise<void> {
    const { sinceMs, log } = this.#options;
    const { processor, signal } = task;
    const origin = {
      subject: delivery.subject,
      msgId: delivery.headers?.get(HEADER.msgId) || undefined,
      streamSequence: delivery.streamSequence,
      stampedAtMs: delivery.stampedAtMs,
      waitedMs: sinceMs(delivery.stampedAtMs),
    };
    const returned = returnedMessage(delivery.data, origin);
    if (!returned.ok) {
      log.error('work.unreadable', {
        processor,
        sequence: origin.streamSequence,
        reason: returned.reason,
        detail: returned.detail,
      });
      if (returned.reason === 'unsupported_version') count.held += 1;
      else await this.#bury(delivery, processor, returned.detail);
      return;
    }
    const { message } = returned;
    await this.#publish(message, signal);
    await this.#settle(message.batch, task, origin.streamSequence <= task.mayHaveBegunTo);
    delivery.ack();
    count.messages += 1;
    count.tasks += message.batch.frameCount;
  }

  async #publish(message: { subject: string; payload: Buffer; msgId: string }, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { msgId } = message;
      const result = await this.#options.publisher.publish(message.subject, message.payload, { msgId });
      if (result.ok) return;
      // A full lane empties; everything else needs somebody to look at it, and is told by whoever begins anew.
      if (result.reason !== 'queue_full' && result.reason !== 'stream_full')
        throw new Error(`${result.reason}: ${result.detail}`);
      await wait(LANE_FULL_MS, undefined, { signal });
    }
  }

  /** What somebody may have begun to work counts as delivered again, for it is. */
  async #settle(batch: BatchView, { processor, reason }: DrainTask, mayHaveBegun: boolean): Promise<void> {
    const more = { redelivered: mayHaveBegun ? 1 : 0 };
    const stored: Promise<void>[] = [];
    for (let i = 0; i < batch.frameCount; i++) {
      const { camera, epoch } = batch.cameraOf(i);
      const key: SettlementKey = {
        camera,
        epoch,
        capability: batch.capability,
        kind: 'returned',
        reason,
        processor,
        generation: batch.generation,
        ...(batch.dispatcher === '' ? {} : { dispatcher: batch.dispatcher }),
      };
      const sequence = batch.sequence(i);
      stored.push(this.#options.settlements.addRange(key, sequence, sequence + 1, more));
    }
    await Promise.all(stored);
  }

  async #bury(delivery: Delivery, processor: string, detail: string): Promise<void> {
    const letter: DeadLetter = {
      reason: REASON,
      processor,
      instance: this.#options.by,
      error: { name: 'UndecodableMessage', code: REASON, message: detail },
      attempts: delivery.deliveries,
      failedAt: new Date().toISOString(),
      source: delivery.subject,
    };
    const result = await this.#options.publisher.publish(subject.dead(processor, REASON), delivery.data, {
      msgId: `undecodable.${delivery.subject}.${delivery.streamSequence}.${delivery.stampedAtMs}`,
      headers: { [HEADER.reason]: REASON, [HEADER.error]: JSON.stringify(letter) },
    });
    if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
    delivery.ack();
  }

  async #delete(consumer: string): Promise<void> {
    const jsm = await this.#manager();
    await this.#unlessGone(jsm.consumers.delete(STREAM.work, consumer));
  }

  async #unlessGone<R>(request: Promise<R>): Promise<R | undefined> {
    return asking('returning a queue', async () => {
      try {
        return await request;
      } catch (error) {
        if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound) return undefined;
        throw error;
      }
    });
  }

  async #manager(): Promise<JetStreamManager> {
    this.#jsm ??= await jetstreamManager(this.#options.nc, { checkAPI: false });
    return this.#jsm;
  }
}

interface DrainTask {
  readonly processor: string;
  readonly reason: string;
  readonly drain: string;
  /** Sequences in WORK up to here were delivered to somebody. */
  readonly mayHaveBegunTo: number;
  readonly signal: AbortSignal;
}
