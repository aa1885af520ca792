/**
 * The lifecycle of processors: kept in the bucket `actors`, decided by the one registry that has the duty, read by all.
 *
 *   L1  One registry at a time decides; one that was frozen and believes it still has the duty changes nothing any more.
 *   L2  Every registry answers from what is kept, so that they never disagree for longer than a message takes.
 *   L3  Silence counts only while the broker is here.
 *   L4  A processor whose queue is on its way back, or was taken from it, gets none before that is done.
 */
import { ACTOR_SCHEMA } from '@frame-buffer/actor-host';
import {
  BrokerClock,
  type EventLog,
  JsonBucket,
  type LeaseRecord,
  leaseSchema,
  type Publisher,
  SettlementWriter,
} from '@frame-buffer/jetstream';
import {
  type ActorRecord,
  actorKey,
  BUCKET,
  endpoint,
  type Instance,
  instanceKey,
  type Processor,
  parseActorKey,
  STREAM,
} from '@frame-buffer/protocol';
import { ProblemError } from '@frame-buffer/service';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection, Subscription } from '@nats-io/nats-core';
import type { FollowedBucket } from '../followed-bucket.ts';
import { Duty } from './duty.ts';
import { Fleet, PROCESSOR_KIND } from './fleet.ts';
import { Heartbeats } from './heartbeats.ts';
import { Presence } from './presence.ts';
import { QueueReturn } from './queue-return.ts';

export interface LifecycleOptions {
  readonly nc: NatsConnection;
  readonly processors: FollowedBucket<Processor>;
  readonly instances: FollowedBucket<Instance>;
  readonly actors: FollowedBucket<ActorRecord>;
  readonly publisher: Publisher;
  readonly events: EventLog;
  /** This registry's instance. */
  readonly by: string;
  readonly provision: (processor: string) => void;
  readonly deregister: (processor: string) => Promise<void>;
  readonly log: Logger;
}

export interface LifecycleView {
  readonly state: string;
  /** ISO 8601 */
  readonly since: string;
  readonly cause: string;
  /** The registry that decides. */
  readonly by: string;
}

export type Command = 'drain' | 'resume';

const COMMAND_MS = 3_000;
const SEEN_BOUND_MS = 1_000;

export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #clock: BrokerClock;
  readonly #presence: Presence;
  readonly #heartbeats: Heartbeats;
  readonly #settlements: SettlementWriter;
  #duty: Duty | undefined;
  #fleet: Fleet | undefined;
  #commands: Subscription | undefined;
  #starting: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    const { nc, publisher, by, processors, instances, events, log } = options;
    this.#clock = new BrokerClock(nc, `$JS.API.STREAM.INFO.${STREAM.work}`);
    const now = () => Math.round(this.#clock.nowMs());
    this.#settlements = new SettlementWriter({
      publisher,
      writer: by,
      onRefused: (detail) => log.error('settlement.refused', { detail }),
    });
    this.#presence = new Presence({
      now,
      onAway: (reason) => {
        log.warn('heartbeats.suspended', { reason });
        this.#fleet?.brokerAway();
      },
      onHere: (at) => {
        log.info('heartbeats.resumed');
        void this.#clock.measure();
        this.#fleet?.brokerHere(at);
      },
    });
    this.#heartbeats = new Heartbeats({
      bucket: instances,
      now,
      onBeat: (processor, beat) => this.#fleet?.beat(processor, beat),
      onAllLeft: (processor) => this.#fleet?.allLeft(processor),
      onFromFuture: (id, instance, aheadMs) => {
        const cause = `${instance} says that it started ${aheadMs} ms from now: its clock is wrong`;
        log.warn('heartbeat.from_future', { processor: id, who: instance, ahead_ms: aheadMs });
        events.record({ kind: PROCESSOR_KIND, id, event: 'heartbeat.from_future', cause });
      },
    });
    const own = instanceKey('service', 'registry', by);
    instances.onChange((key, stored) => {
      if (key === own && stored !== undefined) this.#presence.heard();
    });
    processors.onChange((key, stored) => {
      if (stored === undefined) this.#heartbeats.forget(key);
      this.#fleet?.recordChanged(key, stored?.revision);
    });
  }

  /** Once records and heartbeats are read. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  get hasDuty(): boolean {
    return this.#duty?.isHeld ?? false;
  }

  view(processor: string): LifecycleView | undefined {
    const record = this.#options.actors.get(actorKey(PROCESSOR_KIND, processor));
    return record && { state: record.state, since: record.since, cause: record.cause, by: record.by };
  }

  /** May it have a consumer? */
  hasQueue(processor: string): boolean {
    const actor = this.#fleet?.actor(processor);
    if (actor !== undefined) return isOpen(actor.state, actor.snapshot.context.queue);
    const record = this.#options.actors.get(actorKey(PROCESSOR_KIND, processor));
    return record === undefined || isOpen(record.state, queueOf(record));
  }

  /** Resolves with true when it may have its consumer, with false after `boundMs`. */
  async queueOpens(processor: string, boundMs: number): Promise<boolean> {
    const key = actorKey(PROCESSOR_KIND, processor);
    return this.#options.actors.reached(key, () => this.hasQueue(processor), boundMs);
  }

  /** Asks whoever has the duty. Throws 404, 409 (it can no longer be taken back), or 503 while nobody has it. */
  async command(processor: string, command: Command): Promise<LifecycleView> {
    const { actors, nc } = this.#options;
    if (!(await this.#obey(processor, command))) {
      const request = JSON.stringify({ processor, command });
      const done = await nc
        .request(endpoint.lifecycleCommand, request, { timeout: COMMAND_MS })
        .then((answer) => answer.json<{ done?: boolean }>().done === true)
        .catch(() => false);
      if (!done)
        throw new ProblemError(503, 'no_duty', 'No registry has the duty of the lifecycle right now; try again');
    }
    const key = actorKey(PROCESSOR_KIND, processor);
    const isDone = (state: string | undefined) =>
      (command === 'drain') === (state === 'draining' || state === undefined);
    await actors.reached(key, (stored) => isDone(stored?.value.state), SEEN_BOUND_MS);
    const view = this.view(processor);
    if (command === 'resume' && !isDone(view?.state)) {
      throw new ProblemError(
        409,
        'queue_returned',
        `What was queued for ${processor} has been given back; it must register anew`,
      );
    }
    return view ?? { state: 'removed', since: new Date().toISOString(), cause: command, by: this.#options.by };
  }

  /** Gives what is queued for a processor back to its lanes, and leaves it without a consumer. Throws as `QueueReturn.run`. */
  async returnQueue(processor: string, reason: string, signal: AbortSignal): Promise<void> {
    const epoch = this.#options.processors.stored(processor)?.revision ?? 0;
    await this.#queues().run(processor, epoch, reason, signal);
  }

  disconnected(): void {
    this.#presence.disconnected();
  }

  reconnected(): void {
    this.#presence.reconnected();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#presence.stop();
    this.#clock.stop();
    await this.#duty?.stop();
    await this.#fleet?.stop();
  }

  async #start(): Promise<void> {
    const { nc, by, log } = this.#options;
    await this.#clock.start();
    const [leases, store] = await Promise.all([
      JsonBucket.open<LeaseRecord>({ nc, bucket: BUCKET.leases, schema: leaseSchema }),
      JsonBucket.open<unknown>({ nc, bucket: BUCKET.actors, schema: ACTOR_SCHEMA }),
    ]);
    if (this.#isStopped) return;
    this.#duty = new Duty({
      bucket: leases,
      name: 'lifecycle',
      owner: by,
      begin: () => void this.#begin(store),
      end: () => void this.#endDuty(),
      log,
    });
  }

  async #begin(store: JsonBucket<unknown>): Promise<void> {
    const { nc, processors, actors, provision, deregister, events, by, log } = this.#options;
    const fleet = new Fleet({
      processors,
      store,
      queues: this.#queues(),
      heartbeats: this.#heartbeats,
      now: () => Math.round(this.#clock.nowMs()),
      presence: this.#presence,
      provision,
      deregister,
      events,
      by,
      log,
    });
    this.#fleet = fleet;
    this.#commands = nc.subscribe(endpoint.lifecycleCommand, {
      callback: (_error, message) => {
        const { processor = '', command } = message.json<{ processor?: string; command?: Command }>();
        if (command !== 'drain' && command !== 'resume') return;
        void this.#obey(processor, command).then((done) => message.respond(JSON.stringify({ done })));
      },
    });
    const kept = [...actors.entries()].map(([key]) => parseActorKey(key));
    await fleet.begin(kept.flatMap((key) => (key?.kind === PROCESSOR_KIND ? [key.id] : [])));
  }

  #queues(): QueueReturn {
    const { nc, publisher, by, log } = this.#options;
    const sinceMs = (stamp: number) => this.#clock.sinceMs(stamp);
    return new QueueReturn({ nc, publisher, settlements: this.#settlements, sinceMs, by, log });
  }

  async #endDuty(): Promise<void> {
    const fleet = this.#fleet;
    this.#fleet = undefined;
    this.#commands?.unsubscribe();
    await fleet?.stop();
  }

  /** False when the actor is not here. */
  async #obey(processor: string, command: Command): Promise<boolean> {
    return (await this.#fleet?.command(processor, command)) ?? false;
  }
}

function isOpen(state: string, queue: unknown): boolean {
  return state !== 'lost' && state !== 'removed' && (queue === undefined || queue === 'kept');
}

/** From the snapshot, which is nobody's business but the machine's: what is not there is not known. */
function queueOf({ snapshot }: ActorRecord): unknown {
  const state = (snapshot as { state?: { context?: { queue?: unknown } } } | undefined)?.state;
  return state?.context?.queue;
}
