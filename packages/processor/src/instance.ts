/**
 * One running instance: its parts, and the order in which they begin and end.
 *
 *   begin   connect → register → clock → breaker → workers → intake → heartbeat; ready with the first beat
 *   drain   beat "draining" → ask for no more → give back what has not begun → finish what has, within the bound
 *           → give back the rest → settlements stored → key deleted → connections closed
 *
 *   D1  A drain ends within its bound and a few seconds; without a broker too.
 *   D2  What is given back was not acknowledged: another instance works it.
 */
import {
  BrokerClock,
  connect,
  EventLog,
  PixelReader,
  Publisher,
  type PullState,
  SettlementWriter,
} from '@frame-buffer/jetstream';
import { durable, FrameBufferError, STREAM } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Settings } from './environment.ts';
import type { Condition } from './guard/condition.ts';
import { Guard } from './guard/guard.ts';
import type { BreakerState } from './guard/machine.ts';
import { Heartbeat } from './heartbeat/heartbeat.ts';
import { Appetite } from './intake/appetite.ts';
import { Intake } from './intake/intake.ts';
import { registrationOf } from './options.ts';
import { ORDERED_CLOCK_SUBJECT, openPartitions } from './ordered/open-partitions.ts';
import { DeadLetters } from './outcome/dead-letters.ts';
import { Outcomes } from './outcome/outcomes.ts';
import { Returns } from './outcome/returns.ts';
import { Store } from './outcome/store.ts';
import { doneWithin } from './pause.ts';
import { QueueWatch } from './queue-watch.ts';
import { RareLog } from './rare-log.ts';
import { type Registered, register } from './registration.ts';
import type { Counters } from './stats.ts';
import { Workers } from './work/workers.ts';

export interface DrainReport {
  /** Messages given back although some of their frames had been started: they did not end within the bound. */
  readonly givenBack: number;
  /** Calls of the handler that never ended, those included that had timed out long before. */
  readonly abandonedCalls: number;
}

/** After the bound, each step of closing may take so long; it only matters when the broker is away. */
const CLOSE_STEP_MS = 1_000;

/** Where work comes from: the queue that all instances share, or the partitions that this one owns. */
type Source = Pick<Intake, 'messages' | 'poke' | 'pause' | 'resume' | 'stop' | 'empty' | 'giveBackAll' | 'close'> & {
  /** Calls that it makes itself and that have not ended. */
  readonly calls?: number;
  /** Of these, the ones that have timed out. */
  readonly overdue?: number;
};

/** Everything of an instance that has begun. */
interface Parts {
  readonly settings: Settings;
  readonly connections: readonly NatsConnection[];
  readonly publisher: Publisher;
  readonly settlements: SettlementWriter;
  readonly store: Store;
  readonly clock: BrokerClock;
  readonly guard: Guard;
  readonly workers: Workers;
  readonly intake: Source;
  readonly heartbeat: Heartbeat;
  /** Ends the watch over the queue. */
  readonly life: AbortController;
}

export interface StartOptions {
  readonly settings: Settings;
  readonly counters: Counters;
  /** Gives up starting. */
  readonly signal: AbortSignal;
  /** The instance cannot go on: its registration was refused after the queue had gone. */
  readonly onFailed: (error: unknown) => void;
}

export class Instance {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Resolves when it is registered, pulls, and its first heartbeat is stored. Rejects as `register` does. */
  static async start(options: StartOptions): Promise<Instance> {
    const { settings, signal } = options;
    await using failing = new AsyncDisposableStack();
    const [main, pixels] = await connectBoth(settings, signal);
    failing.defer(async () => {
      await Promise.all([main.close(), pixels.close()]);
    });
    const { partitions } = await registerOnce(options, main, signal);
    const parts = await assemble(options, { nc: main, pixels, partitions });
    const instance = new Instance(parts);
    failing.defer(async () => {
      await instance.drain(0);
    });
    await Promise.race([parts.heartbeat.firstBeat, aborted(signal)]);
    signal.throwIfAborted();
    failing.move();
    return instance;
  }

  get breaker(): BreakerState | undefined {
    return this.#parts.guard.breaker.state;
  }

  get condition(): Condition {
    return this.#parts.guard.condition;
  }

  resetBreaker(): void {
    this.#parts.guard.breaker.reset();
  }

  /** Never rejects. Called once. */
  async drain(boundMs: number): Promise<DrainReport> {
    const { settings, connections, publisher, settlements, store, clock, guard, workers, intake, heartbeat, life } =
      this.#parts;
    settings.logger.info('processor.draining', { messages: intake.messages, bound_ms: boundMs });
    life.abort();
    heartbeat.drain();
    const stopped = intake.stop();
    workers.giveBackWaiting();
    await doneWithin(boundMs, Promise.all([stopped, intake.empty]));
    const abandonedCalls = workers.abort() + (intake.calls ?? 0);
    const givenBack = intake.giveBackAll();
    intake.close();
    await guard.stop();
    await doneWithin(CLOSE_STEP_MS, settlements.flush());
    store.close();
    publisher.close();
    clock.stop();
    await heartbeat.stop();
    await Promise.all(connections.map(close));
    settings.logger.info('processor.drained', { given_back: givenBack, abandoned_calls: abandonedCalls });
    return { givenBack, abandonedCalls };
  }
}

async function connectBoth(settings: Settings, signal: AbortSignal): Promise<[NatsConnection, NatsConnection]> {
  const waiting = new RareLog(settings.logger, 'warn', 'broker.waiting');
  const connection = () =>
    connect({
      servers: settings.natsUrl,
      name: settings.name,
      signal,
      onWaiting: (error) => waiting.write({ detail: error.message }),
    });
  // Pictures have their own: megabytes on their way would hold up acks and deliveries.
  const main = await connection();
  try {
    return [main, await connection()];
  } catch (error) {
    await main.close();
    throw error;
  }
}

async function registerOnce(
  { settings, counters }: StartOptions,
  nc: NatsConnection,
  signal: AbortSignal,
): Promise<Registered> {
  const record = registrationOf(settings);
  const registered = await register({ nc, record, signal, log: settings.logger });
  counters.registrations += 1;
  settings.logger.info('processor.registered', { processor: settings.name, capabilities: record.capabilities });
  return registered;
}

interface Joined extends Registered {
  readonly nc: NatsConnection;
  readonly pixels: NatsConnection;
}

async function assemble(options: StartOptions, { nc, pixels, partitions }: Joined): Promise<Parts> {
  const { settings, counters } = options;
  const { name, instance, logger: log, concurrency, maxBatch } = settings;
  const isOrdered = partitions > 0;
  const queueInfo = `$JS.API.CONSUMER.INFO.${STREAM.work}.${durable.processor(name)}`;
  const clock = new BrokerClock(nc, isOrdered ? ORDERED_CLOCK_SUBJECT : queueInfo);
  await clock.start();

  const trouble = new RareLog(log, 'warn', 'publish.troubled');
  const publisher = new Publisher(nc, { onTrouble: ({ kind, ...rest }) => trouble.write({ reason: kind, ...rest }) });
  const refused = new RareLog(log, 'error', 'settlement.refused');
  const settlements = new SettlementWriter({
    publisher,
    writer: instance,
    onRefused: (detail) => refused.write({ detail }),
  });
  const store = new Store(publisher, () => nc.info?.max_payload ?? 1_048_576, log);
  const identity = { name, instance };
  const sinceMs = (stampedAtMs: number) => clock.sinceMs(stampedAtMs);
  const deadLetters = new DeadLetters(store, identity);
  const returns = new Returns(store, name, sinceMs);
  const outcomes = new Outcomes({ identity, store, deadLetters, returns, settlements, counters, log });
  const guard = await Guard.host({ ...settings, events: new EventLog(publisher, instance), log });

  const appetite = new Appetite(concurrency * maxBatch, settings.registration.maxBatch);
  const sources = { pixels: new PixelReader(pixels), sinceMs };
  const workers = new Workers({
    ...settings,
    capabilities: settings.registration.capabilities,
    sources,
    outcomes,
    counters,
    breaker: guard.breaker,
    onCalled: (ms) => guard.called(ms),
    onOverdue: () => guard.overdueChanged(),
    onFinished: (frames) => {
      appetite.finished(frames);
      intake.poke();
    },
  });
  const life = new AbortController();
  const queue = new QueueWatch({
    register: async () => {
      const now = await registerOnce(options, nc, life.signal);
      if (now.partitions > 0 !== isOrdered) throw orderChanged(name, isOrdered);
    },
    onFailed: options.onFailed,
    signal: life.signal,
  });
  const onQueueState = (state: PullState, detail: string) => {
    log[state === 'ok' ? 'info' : 'warn']('queue.changed', { state, detail });
    queue.report(state);
  };
  const onCalled = (ms: number) => guard.called(ms);
  const onOverdue = () => guard.overdueChanged();
  const open = () =>
    openPartitions({
      nc,
      settings,
      publisher,
      store,
      deadLetters,
      sources,
      counters,
      onCalled,
      onOverdue,
      breaker: guard.breaker,
      onState: (state) => queue.report(state),
      signal: options.signal,
    });
  const share = () =>
    new Intake({
      nc,
      processor: name,
      ackWaitMs: settings.registration.ackWaitMs,
      appetite,
      counters,
      log,
      maxMessages: () => guard.maxMessages,
      onTasks: (tasks) => workers.add(tasks),
      onUndecodable: (message, bytes, detail) => outcomes.undecodableMessage(message, bytes, detail),
      onQueueState,
    });
  const intake: Source = isOrdered ? await open() : share();
  const signs = () => ({ counters, breaker: guard.breaker.state, condition: guard.condition });
  const heartbeat = new Heartbeat({ natsUrl: settings.natsUrl, name, instance, signs, log });
  guard.watch({
    overdue: () => workers.overdue + (intake.overdue ?? 0),
    close: (reason) => {
      log.warn('intake.paused', { reason, messages: intake.messages });
      intake.pause();
      workers.close(reason);
    },
    open: () => {
      log.info('intake.resumed');
      workers.open();
      intake.resume();
    },
    poke: () => {
      workers.poke();
      intake.poke();
    },
    changed: () => heartbeat.beatNow(),
  });
  const connections = [nc, pixels];
  return { settings, connections, publisher, settlements, store, clock, guard, workers, intake, heartbeat, life };
}

/** A supervisor starts the process anew, which then finds its work where it is now. */
function orderChanged(name: string, wasOrdered: boolean): FrameBufferError {
  const detail = wasOrdered ? 'are ordered no longer' : 'have become ordered';
  return new FrameBufferError('order_changed', `the capabilities of ${name} ${detail}: start it anew`);
}

/** Sends what is still to be sent, acks above all, if the broker is there. */
async function close(nc: NatsConnection): Promise<void> {
  await doneWithin(
    CLOSE_STEP_MS,
    nc.drain().catch(() => undefined),
  );
  await nc.close();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
