/**
 * The actors of all registered processors, hosted here while this registry has the duty.
 *
 *   F1  One actor per stored processor, and for each that was stored until its queue is known to be nobody's.
 *   F2  What the actor decides is kept before it is done: whoever takes over goes on from there.
 *   F3  An actor whose record somebody else has written is let go, and read anew while the duty is still ours.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type ActorStore, type HostedActor, hostActor } from '@frame-buffer/actor-host';
import { type ProcessorEvent, type ProcessorSnapshot, processorMachine, processorSettings } from '@frame-buffer/actors';
import type { EventLog } from '@frame-buffer/jetstream';
import type { Processor } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { FollowedBucket } from '../followed-bucket.ts';
import { KeyedLock } from '../keyed-lock.ts';
import type { Beat, Heartbeats } from './heartbeats.ts';
import { hasChanged, needsMeasuring, reasonOf } from './processor-snapshot.ts';
import type { QueueReturn } from './queue-return.ts';

export const PROCESSOR_KIND = 'processor';

export interface FleetOptions {
  readonly processors: FollowedBucket<Processor>;
  readonly store: ActorStore;
  readonly queues: Pick<QueueReturn, 'run' | 'lengths'>;
  readonly heartbeats: Pick<Heartbeats, 'of' | 'heardOf'>;
  /** The broker's, milliseconds. */
  readonly now: () => number;
  readonly presence: { readonly isHere: boolean; readonly since: number };
  /** Makes queue and consumer. */
  readonly provision: (processor: string) => void;
  /** Deletes record and consumer of a processor that has drained. */
  readonly deregister: (processor: string) => Promise<void>;
  readonly events: Pick<EventLog, 'record'>;
  readonly by: string;
  readonly log: Logger;
}

type ProcessorActor = HostedActor<typeof processorMachine>;

const MEASURE_EVERY_MS = 500;
/** A deregistration that is taken back at once is none; see R4 of the registration. */
const DEREGISTERED_AFTER_MS = 500;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;
const HOST_AGAIN_MS = 1_000;
const GRACE_MS = processorSettings().graceMs;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #actors = new Map<string, ProcessorActor>();
  readonly #locks = new KeyedLock();
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Registered while their queue was on its way back; they may live as soon as it has arrived. */
  readonly #waiting = new Set<string>();
  readonly #sweeping = new Set<string>();
  #isMeasuring = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#measure(), MEASURE_EVERY_MS);
    this.#timer.unref();
  }

  /** `kept`: processors that have an actor kept, registered or not. Resolves when all are hosted. */
  async begin(kept: Iterable<string>): Promise<void> {
    const stored = [...this.#options.processors.entries()].map(([name]) => name);
    await Promise.all([...new Set([...stored, ...kept])].map((name) => this.#host(name)));
  }

  actor(processor: string): ProcessorActor | undefined {
    return this.#actors.get(processor);
  }

  /** A record was stored, changed, or has gone. */
  recordChanged(processor: string, revision: number | undefined): void {
    if (this.#end.signal.aborted) return;
    if (revision === undefined) {
      setTimeout(() => this.#gone(processor), DEREGISTERED_AFTER_MS).unref();
      return;
    }
    const actor = this.#actors.get(processor);
    if (actor === undefined) void this.#host(processor);
    else this.#registered(processor, actor, revision);
  }

  beat(processor: string, beat: Beat): void {
    const actor = this.#actors.get(processor);
    if (actor === undefined) return;
    // Heartbeats name no registration; whoever beats is of the present one.
    const { epoch } = actor.snapshot.context;
    actor.send({ type: 'heartbeat.arrived', ...beat, epoch, at: this.#options.now() });
  }

  allLeft(processor: string): void {
    this.#send(processor, { type: 'instances.left', at: this.#options.now() });
  }

  brokerAway(): void {
    for (const actor of this.#actors.values()) actor.send({ type: 'broker.disconnected' });
  }

  brokerHere(at: number): void {
    for (const actor of this.#actors.values()) actor.send({ type: 'broker.reconnected', at });
  }

  /** Resolves when it is kept. False when there is no such actor here. */
  async command(processor: string, command: 'drain' | 'resume'): Promise<boolean> {
    const actor = this.#actors.get(processor);
    if (actor === undefined) return false;
    const at = this.#options.now();
    const { epoch, liveness } = actor.snapshot.context;
    if (command === 'drain') actor.send({ type: 'processor.drain', at });
    else actor.send({ type: 'processor.registered', epoch, liveness, at });
    if (command === 'resume') {
      const beat = this.#options.heartbeats.of(processor);
      if (beat !== undefined) this.beat(processor, beat);
    }
    await actor.settled();
    return true;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#end.abort(new Error('the duty has ended'));
    const actors = [...this.#actors.values()];
    this.#actors.clear();
    await Promise.all(actors.map((actor) => actor.stop()));
  }

  #send(processor: string, event: ProcessorEvent): void {
    this.#actors.get(processor)?.send(event);
  }

  #host(processor: string): Promise<void> {
    return this.#locks.hold(`host ${processor}`, async () => {
      if (this.#actors.has(processor) || this.#end.signal.aborted) return;
      try {
        await this.#hostNow(processor);
      } catch (error) {
        this.#options.log.error('processor.not_hosted', { processor, error });
        this.#hostAgain(processor);
      }
    });
  }

  async #hostNow(processor: string): Promise<void> {
    const { processors, store, events, by, log, now, presence, heartbeats, provision } = this.#options;
    const record = processors.stored(processor);
    const actor: ProcessorActor = await hostActor({
      machine: processorMachine,
      kind: PROCESSOR_KIND,
      id: processor,
      input: { epoch: record?.revision ?? 0, at: now(), ...(record && { liveness: record.value.liveness }) },
      ports: {
        provisionQueue: () => provision(processor),
        // To be kept as lost is the announcement: whoever routes follows the bucket.
        announceLost: ({ snapshot }) =>
          log.warn('processor.lost', { processor, silent_ms: Math.round(now() - snapshot.context.silentSince) }),
        returnQueue: ({ snapshot, signal }) => this.#returnQueue(processor, reasonOf(snapshot), signal),
        removeQueue: ({ snapshot, signal }) => this.#remove(processor, snapshot, signal),
      },
      events,
      log,
      by,
      snapshots: store,
      isWorthKeeping: hasChanged,
      onSuperseded: () => {
        this.#actors.delete(processor);
        this.#hostAgain(processor);
      },
    });
    if (actor.isEnded) return;
    if (this.#end.signal.aborted) return actor.stop();
    this.#actors.set(processor, actor);
    const stored = processors.stored(processor);
    if (stored !== undefined) this.#registered(processor, actor, stored.revision);
    const beat = heartbeats.of(processor);
    if (beat !== undefined) this.beat(processor, beat);
    if (actor.isRestored) {
      if (presence.isHere) actor.send({ type: 'broker.reconnected', at: this.#hereSince(processor) });
      actor.send({ type: 'clock.resumed', at: now() });
    }
    if (!presence.isHere) actor.send({ type: 'broker.disconnected' });
    if (stored === undefined) this.#gone(processor);
  }

  /**
   * From when on the grace period counts. A registry that has just come cannot know whether heartbeats were late, unless it has
   * heard some itself: then silence counts from the last one.
   */
  #hereSince(processor: string): number {
    const { presence, heartbeats } = this.#options;
    const heardAt = heartbeats.heardOf(processor) ?? 0;
    return heardAt > presence.since ? heardAt - GRACE_MS : presence.since;
  }

  #hostAgain(processor: string): void {
    setTimeout(() => void this.#host(processor), HOST_AGAIN_MS).unref();
  }

  #registered(processor: string, actor: ProcessorActor, revision: number): void {
    const record = this.#options.processors.get(processor);
    if (record === undefined || revision <= actor.snapshot.context.epoch) return;
    const { queue } = actor.snapshot.context;
    if (queue === 'returning') this.#waiting.add(processor);
    actor.send({ type: 'processor.registered', epoch: revision, liveness: record.liveness, at: this.#options.now() });
  }

  #gone(processor: string): void {
    if (this.#options.processors.get(processor) !== undefined) return;
    this.#send(processor, { type: 'processor.deregister', at: this.#options.now() });
  }

  async #returnQueue(processor: string, reason: string, signal: AbortSignal): Promise<void> {
    if (!(await this.#emptied(processor, reason, signal))) return;
    const actor = this.#actors.get(processor);
    if (actor === undefined) return;
    actor.send({ type: 'queue.returned' });
    if (!this.#waiting.delete(processor)) return;
    const { epoch, liveness } = actor.snapshot.context;
    actor.send({ type: 'processor.registered', epoch, liveness, at: this.#options.now() });
  }

  /** Until it is done; false when it must not be done any more. */
  async #emptied(processor: string, reason: string, signal: AbortSignal): Promise<boolean> {
    const { queues, log, events } = this.#options;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const began = performance.now();
      try {
        const epoch = this.#actors.get(processor)?.snapshot.context.epoch ?? 0;
        const report = await this.#locks.hold(`queue ${processor}`, () => queues.run(processor, epoch, reason, signal));
        const seconds = Math.round(performance.now() - began) / 1000;
        log.info('queue.returned', { processor, reason, ...report, seconds });
        const cause = `${reason}: ${report.tasks} tasks in ${report.messages} messages, ${report.held} unreadable, ${seconds} s`;
        events.record({ kind: PROCESSOR_KIND, id: processor, event: 'queue.returned', cause });
        return true;
      } catch (error) {
        if (signal.aborted) return false;
        log.warn('queue.return_failed', { processor, retry_in_ms: pauseMs, error });
        await wait(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
    return false;
  }

  async #remove(processor: string, { context }: ProcessorSnapshot, signal: AbortSignal): Promise<void> {
    const { processors, deregister } = this.#options;
    // Registered anew since: that is another processor of the same name.
    const isWanted = () => processors.get(processor) !== undefined && context.intent === 'stay';
    if (!isWanted()) await deregister(processor);
    if (!isWanted() && !(await this.#emptied(processor, 'processor_removed', signal))) return;
    const actor = this.#actors.get(processor);
    this.#actors.delete(processor);
    await actor?.remove();
    if (processors.get(processor) !== undefined) await this.#host(processor);
  }

  /** Only those whose next step depends on it are measured; a lost one's queue must stay empty. */
  async #measure(): Promise<void> {
    const { presence, queues, now } = this.#options;
    const concerned = [...this.#actors].filter(([, actor]) => needsMeasuring(actor.snapshot));
    if (concerned.length === 0 || this.#isMeasuring || !presence.isHere) return;
    this.#isMeasuring = true;
    try {
      const at = now();
      const lengths = await queues.lengths();
      for (const [processor, actor] of concerned) {
        const tasks = lengths.get(processor) ?? 0;
        if (actor.snapshot.value === 'lost') void this.#sweep(processor, actor, tasks);
        else if (actor.snapshot.context.tasks !== tasks) actor.send({ type: 'queue.measured', tasks, at });
      }
    } catch {
      // Asked again at the next turn.
    } finally {
      this.#isMeasuring = false;
    }
  }

  /** An orchestrator that had not heard of it yet sent something after all. */
  async #sweep(processor: string, actor: ProcessorActor, messages: number): Promise<void> {
    if (messages === 0 || this.#sweeping.has(processor)) return;
    this.#sweeping.add(processor);
    await this.#locks
      .hold(`queue ${processor}`, async () => {
        const { value, context } = actor.snapshot;
        if (this.#end.signal.aborted || value !== 'lost' || context.queue !== 'returned') return;
        const report = await this.#options.queues.run(processor, context.epoch, 'processor_lost', this.#end.signal);
        this.#options.log.info('queue.swept', { processor, ...report });
      })
      .catch((error: unknown) => this.#options.log.warn('queue.return_failed', { processor, error }));
    this.#sweeping.delete(processor);
  }
}
