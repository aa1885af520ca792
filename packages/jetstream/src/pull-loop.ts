/**
 * The consumer loop: pulls from one durable as many messages as its owner wants right now, never more.
 *
 *   L1  What is asked for and not yet here is never raised above `want()`, whatever goes wrong on the way.
 *   L2  A broker that goes away, a leader that moves, or a consumer that is deleted never ends the loop; it is reported, and
 *       pulling goes on when it can.
 *   L3  After `stop()` has resolved nothing is delivered any more, and everything that the broker had sent has been. (Unless
 *       the broker does not answer for 3 s: what it sent then comes again after the consumer's ack wait.)
 *
 * States: *open*: one line (an inbox, and what was asked for through it) is in use. *Renewing*: something was odd, so the line
 * is drained, which ends by the broker's pong (or by the loss of the connection) and brings in all that was on its way; then a
 * new line opens. *Backing off*: as open, but nothing is asked for until a moment has passed. *Stopped*.
 * A line is given up whole, because what was asked through it cannot be taken back otherwise: the broker forgets requests
 * whose inbox nobody listens to, and has what it could not deliver redelivered at once.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Msg, NatsConnection, Subscription } from '@nats-io/nats-core';
import { inboxPrefix, watchConnection } from './connect.ts';
import { Delivery } from './delivery.ts';
import { guarded } from './guarded.ts';
import { Requested } from './requested.ts';

/** Source: with the client's defaults a consumer stalls 43 s when its leader moves, with these 3 to 12 s (measured). */
const EXPIRES_MS = 5_000;
const IDLE_HEARTBEAT_MS = 1_000;
const MISSED_MS = 2 * IDLE_HEARTBEAT_MS + 500;
const BACKOFF_MS = 500;
const STOP_LIMIT_MS = 3_000;

/**
 * `ok`: the broker serves us; `missing`: stream or consumer does not exist (yet); `deleted`: it was deleted under us;
 * `silent`: the broker has stopped answering; `refused`: it refuses our requests, the detail says why.
 */
export type PullState = 'ok' | 'missing' | 'deleted' | 'silent' | 'refused';

export interface PullLoopOptions {
  readonly nc: NatsConnection;
  readonly stream: string;
  readonly durable: string;
  /** How many messages may be on their way now; asked whenever something changes. 0 or less pauses. */
  readonly want: () => number;
  readonly onMessage: (delivery: Delivery) => void;
  /** Told of changes only; the loop begins as `ok`. `detail` is the broker's word. */
  readonly onState?: (state: PullState, detail: string) => void;
}

interface Line {
  readonly inbox: string;
  readonly subscription: Subscription;
  readonly requested: Requested;
}

export class PullLoop {
  readonly #options: PullLoopOptions;
  readonly #apiSubject: string;
  readonly #connection: { stop(): void };
  readonly #watchdog: NodeJS.Timeout;
  /** Undefined while renewing. */
  #line: Line | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #next = 0;
  #heardAt = 0;
  #backoffUntil = 0;
  #state: PullState = 'ok';
  #connected = true;
  #stopping: Promise<void> | undefined;
  #stopped = false;

  constructor(options: PullLoopOptions) {
    this.#options = options;
    this.#apiSubject = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.durable}`;
    this.#line = this.#open();
    this.#connection = watchConnection(options.nc, {
      disconnected: () => {
        this.#connected = false;
      },
      reconnected: () => this.#reconnected(),
    });
    this.#watchdog = setInterval(() => this.#watch(), IDLE_HEARTBEAT_MS / 2);
    this.#watchdog.unref();
    void options.nc.closed().then(() => this.stop());
    this.poke();
  }

  /** Messages asked for and not yet here. */
  get onTheWay(): number {
    return this.#line?.requested.onTheWay ?? 0;
  }

  /** Says that `want()` may have changed. Cheap. */
  poke(): void {
    const line = this.#line;
    if (line === undefined || !this.#connected || this.#stopping !== undefined) return;
    if (this.#backoffUntil > 0 && performance.now() < this.#backoffUntil) return;
    const want = Math.floor(this.#options.want());
    const { onTheWay } = line.requested;
    // Below half, so that requests stay few when messages stream.
    if (want > 0 && onTheWay <= want / 2) this.#pull(line, want - onTheWay);
  }

  /** Resolves as L3 says, after 3 s at most. A second call waits for the same. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    clearInterval(this.#watchdog);
    this.#connection.stop();
    this.#giveUpLine();
    const alarm = new AbortController();
    await Promise.race([this.#renewing, wait(STOP_LIMIT_MS, undefined, { signal: alarm.signal, ref: false })]);
    this.#stopped = true;
    alarm.abort();
  }

  #open(): Line {
    const { nc } = this.#options;
    const inbox = `${inboxPrefix(nc)}.${crypto.randomUUID().slice(0, 8)}`;
    const requested = new Requested(EXPIRES_MS + 2 * IDLE_HEARTBEAT_MS);
    const subscription = nc.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error === null && !this.#stopped) this.#arrived(line, message);
      },
    });
    const line: Line = { inbox, subscription, requested };
    this.#backoffUntil = 0;
    return line;
  }

  #pull(line: Line, batch: number): void {
    const { nc } = this.#options;
    if (nc.isClosed() || nc.isDraining()) return;
    const now = performance.now();
    if (line.requested.onTheWay === 0) this.#heardAt = now;
    const id = (this.#next++).toString(36);
    line.requested.add(id, batch, now);
    const request = `{"batch":${batch},"expires":${EXPIRES_MS * 1e6},"idle_heartbeat":${IDLE_HEARTBEAT_MS * 1e6}}`;
    nc.publish(this.#apiSubject, request, { reply: `${line.inbox}.${id}` });
  }

  #arrived(line: Line, message: Msg): void {
    this.#heardAt = performance.now();
    if (message.subject.startsWith(line.inbox)) {
      // What a line says that was given up is of no interest; the messages that it brings are.
      if (line === this.#line) this.#status(line, message.subject.slice(line.inbox.length + 1), message);
      return;
    }
    line.requested.arrived();
    this.#report('ok', '');
    guarded(() => this.#options.onMessage(new Delivery(message)));
    this.poke();
  }

  #status(line: Line, id: string, message: Msg): void {
    const { code = 0, description = '' } = message.headers ?? {};
    const unserved = message.headers?.get('Nats-Pending-Messages') ?? '';
    if (code === 100) {
      this.#report('ok', '');
    } else if ((code === 408 || code === 404) && unserved !== '') {
      line.requested.ended(id, Number(unserved));
      this.#report('ok', '');
      this.poke();
    } else {
      this.#report(code === 503 ? 'missing' : / deleted$/i.test(description) ? 'deleted' : 'refused', description);
      this.#renew(BACKOFF_MS);
    }
  }

  #watch(): void {
    const line = this.#line;
    if (line === undefined || !this.#connected) return;
    const now = performance.now();
    line.requested.forget(now);
    if (line.requested.onTheWay > 0 && now - this.#heardAt > MISSED_MS) {
      this.#report('silent', `nothing heard for ${MISSED_MS} ms`);
      this.#renew(0);
    } else {
      this.poke();
    }
  }

  #reconnected(): void {
    this.#connected = true;
    if (this.#line === undefined) return; // opens by itself
    if (this.#line.requested.isEmpty) this.poke();
    else this.#renew(0);
  }

  #renew(backoffMs: number): void {
    this.#giveUpLine();
    this.#renewing = this.#renewing.then(() => {
      if (this.#stopping !== undefined || this.#options.nc.isClosed() || this.#options.nc.isDraining()) return;
      this.#line = this.#open();
      this.#backoffUntil = backoffMs > 0 ? performance.now() + backoffMs : 0;
      this.poke();
    });
  }

  #giveUpLine(): void {
    const line = this.#line;
    if (line === undefined) return;
    this.#line = undefined;
    this.#renewing = drained(line.subscription);
  }

  #report(state: PullState, detail: string): void {
    if (state === this.#state) return;
    this.#state = state;
    guarded(() => this.#options.onState?.(state, detail));
  }
}

/** Resolves when nothing can come any more: the broker has confirmed it, or the connection is gone. */
async function drained(subscription: Subscription): Promise<void> {
  try {
    await subscription.drain();
  } catch {
    // Closed with its connection.
  }
}
