/**
 * Dispatches one capability: takes what its lanes hold, in the order of their bands, to processors with room.
 *
 *   D1  A FRAMES message is acknowledged only after the broker has confirmed every publish and settlement made for it.
 *   D2  Nothing is bound to a processor before the processor has room for it; until then it waits in its lane, and at most
 *       `IN_HAND` messages of a lane wait here.
 *   D3  An expired task is never dispatched: it is settled `expired`, `deadline` where somebody could have done it and
 *       `no_processor` where nobody could.
 *   D4  What cannot be read is never dropped: damaged messages go to the dead letters, those of a newer version wait.
 *   D6  Of a capability that has become ordered, what still lies in these lanes goes to the lanes of its partitions.
 *   D5  A task that comes to a step of its policy's chain that skips is settled `shed/skipped`, and goes nowhere.
 */

import type { Delivery, PublishResult } from '@frame-buffer/jetstream';
import { LANES, type Lane, type Outcome, partitionsOf, type Reason, sliceBatch, subject } from '@frame-buffer/protocol';
import { relane } from '../ordered/relane.ts';
import type { Route } from '../routes/route.ts';
import { isServed } from '../routes/route-table.ts';
import { BandTurn } from './bands.ts';
import { type Choice, choose } from './choose.ts';
import type { DispatchContext } from './context.ts';
import type { Held } from './held.ts';
import { LaneReader } from './lane-reader.ts';
import type { Range } from './task-ranges.ts';
import { workMessage } from './work-message.ts';

/** Messages of one lane in hand while they cannot be placed, and while they can. */
const IN_HAND_WAITING = 2;
const IN_HAND_FLOWING = 64;
const TICK_MS = 250;
/** Lanes have an ack wait of 10 s. */
const WORKING_EVERY_MS = 3_000;
const UNREADABLE_RETRY_MS = 5_000;
const PASS_BY_MS = 1_000;

export class Dispatcher {
  readonly capability: string;
  readonly #context: DispatchContext;
  readonly #lanes: ReadonlyMap<Lane, LaneReader>;
  readonly #turn = new BandTurn();
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Held>();
  #flowing = false;
  #placing = false;
  #lastWorking = 0;

  constructor(capability: string, context: DispatchContext) {
    this.capability = capability;
    this.#context = context;
    const limit = () => (this.#flowing ? IN_HAND_FLOWING : IN_HAND_WAITING);
    this.#lanes = new Map(
      LANES.map((lane) => [
        lane,
        new LaneReader({
          nc: context.nc,
          capability,
          lane,
          limit,
          onHeld: () => this.place(),
          onUnreadable: (delivery, reason, detail) => void this.#unreadable(delivery, reason, detail),
          waitedMs: (delivery) => context.clock.sinceMs(delivery.stampedAtMs),
          onState: (name, state) => context.log.info('lane.state', { lane: name, state }),
        }),
      ]),
    );
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Messages in hand, placed or not, that are not acknowledged yet. */
  get inHand(): number {
    let waiting = this.#open.size;
    for (const { held } of this.#lanes.values()) waiting += held.length;
    return waiting;
  }

  /** Places what can be placed now. Called whenever a message arrives, somebody gets room, or routes change. */
  place(): void {
    // Reading a lane may deliver at once and call back here.
    if (this.#placing) return;
    this.#placing = true;
    try {
      this.#flowing = true;
      while (this.#flowing) {
        const waiting = [...this.#lanes.values()].filter(({ head }) => head !== undefined).map(({ lane }) => lane);
        const lane = this.#turn.next(waiting);
        if (lane === undefined) break;
        this.#flowing = this.#placeHead(this.#lane(lane));
      }
    } finally {
      this.#placing = false;
    }
    for (const lane of this.#lanes.values()) lane.poke();
  }

  /** Stops pulling, lets go of what was not begun, and waits until what was begun is confirmed. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
    for (;;) {
      const leftover = [...this.#lanes.values()].flatMap((lane) => lane.held.splice(0));
      await Promise.all(leftover.map((held) => this.#letGo(held)));
      if (this.#open.size === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Returns false when the head of the lane has to wait. */
  #placeHead(lane: LaneReader): boolean {
    const held = lane.head;
    if (held === undefined) return true;
    this.#expire(held);
    for (let range = held.todo.first; range !== undefined; range = held.todo.first) {
      const { routes, now } = this.#context;
      const table = routes();
      const partitions = partitionsOf(table.chains.get(this.capability)?.policy);
      if (partitions > 0) {
        this.#relane(held, range, partitions);
        continue;
      }
      const decision = choose(held.batch, range, table, now());
      if ('choice' in decision) {
        this.#send(held, held.todo.take(decision.choice.count), decision.choice);
        continue;
      }
      if ('skip' in decision) {
        this.#skip(held, held.todo.take(decision.skip));
        continue;
      }
      const othersCouldPass = decision.wait === 'nobody' && isServed(table, this.capability);
      if (!othersCouldPass || held.isTouched) return false;
      // Processors are there, only none that reads this encoding: it must not hold up its lane.
      lane.shift();
      held.delivery.nak(PASS_BY_MS);
      return true;
    }
    lane.shift();
    this.#finishWhenDone(held);
    return true;
  }

  #send(held: Held, range: Range, { route, credit, step }: Choice): void {
    const { self, incarnation, clock, publisher } = this.#context;
    const waitedMs = clock.sinceMs(held.delivery.stampedAtMs);
    const tasks = range.to - range.from;
    const { processor } = route;
    const message = workMessage(held.batch, range, processor, {
      incarnation: incarnation(),
      sequence: held.delivery.streamSequence,
      lane: held.lane,
      waitedMs,
      dispatcher: self,
    });
    credit.dispatched(tasks);
    this.#open.add(held);
    const { msgId, headers } = message;
    const published = publisher.publish(
      message.subject,
      message.payload,
      headers === undefined ? { msgId } : { msgId, headers },
    );
    const confirmed = held.confirm(published.then((result) => this.#published(held, range, route, result)));
    void confirmed.then(() => this.#finishWhenDone(held));
    this.#context.metrics.dispatched(
      this.capability,
      processor.name,
      tasks,
      held.batch.ageAtPublishMs(range.from) + waitedMs,
    );
    this.#decidedAt(step, tasks);
  }

  #relane(held: Held, range: Range, partitions: number): void {
    const { incarnation, clock, publisher } = this.#context;
    const { range: moved, message } = relane(held.batch, range, partitions, {
      incarnation: incarnation(),
      sequence: held.delivery.streamSequence,
      waitedMs: clock.sinceMs(held.delivery.stampedAtMs),
    });
    held.todo.take(moved.to - moved.from);
    this.#open.add(held);
    const published = publisher.publish(message.subject, message.payload, { msgId: message.msgId });
    const confirmed = held.confirm(
      published.then(({ ok }) => {
        if (ok) return;
        held.todo.giveBack(moved);
        this.#backInLine(held);
      }),
    );
    void confirmed.then(() => this.#finishWhenDone(held));
  }

  #skip(held: Held, { from, to }: Range): void {
    const positions = Array.from({ length: to - from }, (_, i) => from + i);
    this.#settle(held, positions, 'shed', 'skipped');
    this.#decidedAt('skip', to - from);
  }

  #decidedAt(step: string, tasks: number): void {
    const { metrics, steps, now } = this.#context;
    metrics.decided(this.capability, step, tasks);
    steps.decided(this.capability, step, now());
  }

  async #published(held: Held, range: Range, route: Route, result: PublishResult): Promise<void> {
    const { credits, plainWork, metrics, log, now } = this.#context;
    const { processor } = route;
    if (result.ok) {
      if (!processor.settles) await plainWork.routed(held.batch, range, processor.name, result.sequence);
      return;
    }
    const credit = credits.of(processor.name);
    credit.returned(range.to - range.from);
    credit.refused(now());
    metrics.refused(processor.name, result.reason);
    if (result.reason !== 'queue_full') log.warn('work.refused', { processor: processor.name, ...result });
    held.todo.giveBack(range);
    this.#backInLine(held);
  }

  /** A refusal brings frames back after their message had left the lane's queue. */
  #backInLine(held: Held): void {
    const lane = this.#lane(held.lane);
    if (!lane.held.includes(held)) lane.held.unshift(held);
  }

  #expire(held: Held): void {
    const { batch, delivery } = held;
    const waitedMs = this.#context.clock.sinceMs(delivery.stampedAtMs);
    const expired = held.todo.remove((i) => batch.isExpired(i, waitedMs));
    if (expired.length === 0) return;
    const somebody = isServed(this.#context.routes(), this.capability);
    const reason: Reason<'expired'> = somebody ? 'deadline' : 'no_processor';
    this.#settle(held, expired, 'expired', reason);
    this.#context.metrics.expired(this.capability, reason, expired.length);
  }

  /** Ends these tasks here; the message is acknowledged when the books have it. */
  #settle<O extends Outcome>(held: Held, positions: readonly number[], kind: O, reason: Reason<O>): void {
    const { batch } = held;
    this.#open.add(held);
    for (const i of positions) {
      const { camera, epoch } = batch.cameraOf(i);
      const key = { camera, epoch, capability: this.capability, kind, reason, generation: batch.generation };
      const stored = this.#context.settlements.add(key, batch.sequence(i));
      void held.confirm(stored).then(() => this.#finishWhenDone(held));
    }
  }

  #finishWhenDone(held: Held): void {
    if (!held.isDone) return;
    held.delivery.ack();
    this.#open.delete(held);
  }

  /** At a stop: untouched messages go back as they are, a begun one leaves its rest behind as a new message. */
  async #letGo(held: Held): Promise<void> {
    if (!held.isTouched) {
      held.delivery.nak();
      return;
    }
    const { publisher, incarnation, clock } = this.#context;
    for (let range = held.todo.first; range !== undefined; range = held.todo.first) {
      const { from, to } = held.todo.take(range.to - range.from);
      const rest = sliceBatch(held.batch, from, to, {
        capability: this.capability,
        elapsedMs: held.batch.elapsedMs + clock.sinceMs(held.delivery.stampedAtMs),
        generation: held.batch.generation,
      });
      const msgId = `${incarnation()}.${held.delivery.streamSequence}.rest.${from}-${to}`;
      const result = await held.confirm(publisher.publish(subject.frames(this.capability, held.lane), rest, { msgId }));
      // Refused (the lane is full): leave the message unacknowledged; another orchestrator repeats it, doubled rather than lost.
      if (!result.ok) {
        this.#open.delete(held);
        return;
      }
    }
    this.#finishWhenDone(held);
  }

  async #unreadable(delivery: Delivery, reason: 'malformed' | 'unsupported_version', detail: string): Promise<void> {
    const { log, metrics, deadLetters } = this.#context;
    metrics.unreadable(this.capability, reason);
    log.error('frames.unreadable', { subject: delivery.subject, sequence: delivery.streamSequence, reason, detail });
    if (reason === 'unsupported_version') {
      delivery.nak(UNREADABLE_RETRY_MS);
      return;
    }
    if (await deadLetters.undecodable(delivery, detail)) delivery.ack();
    else delivery.nak(UNREADABLE_RETRY_MS);
  }

  #tick(): void {
    this.place();
    const now = this.#context.now();
    if (now - this.#lastWorking < WORKING_EVERY_MS) return;
    this.#lastWorking = now;
    for (const held of this.#open) held.delivery.working();
    for (const { held } of this.#lanes.values()) for (const { delivery } of held) delivery.working();
  }

  #lane(lane: Lane): LaneReader {
    const reader = this.#lanes.get(lane);
    if (reader === undefined) throw new RangeError(`no lane ${lane}`);
    return reader;
  }
}
