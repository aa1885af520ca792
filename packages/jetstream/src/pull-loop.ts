/**
 * The consumer loop: pulls from one durable as many messages as its owner wants right now, never more.
 *
 *   L1  At most `want()` messages are asked for and not yet here.
 *   L2  A broker that goes away, a leader that moves, or a consumer that is deleted never ends the loop; it is reported, and
 *       pulling goes on when it can.
 *   L3  After `stop()` has resolved, no message is delivered any more, and none that the broker had sent is lost on the way.
 *
 * Source of expiry and heartbeat: with the client's defaults a consumer stalls 43 s when its leader moves, with these 3 to 12 s.
 */
import type { Msg, NatsConnection, Subscription } from '@nats-io/nats-core';
import { watchConnection } from './connect.ts';
import { Delivery } from './delivery.ts';
import { inboxPrefix } from './publisher.ts';

const EXPIRES_MS = 5_000;
const IDLE_HEARTBEAT_MS = 1_000;
const MISSED_MS = 2 * IDLE_HEARTBEAT_MS + 500;
const BACKOFF_MS = 500;

export interface PullLoopOptions {
  readonly nc: NatsConnection;
  readonly stream: string;
  readonly durable: string;
  /** How many messages may be on their way now; asked whenever something changes. 0 pauses. */
  readonly want: () => number;
  readonly onMessage: (delivery: Delivery) => void;
  /** `missing`: stream or consumer does not exist (yet); `deleted`: it was deleted under us; `ok`: pulling again. */
  readonly onState?: (state: 'ok' | 'missing' | 'deleted' | 'silent') => void;
}

interface Pull {
  remaining: number;
}

export class PullLoop {
  readonly #options: PullLoopOptions;
  readonly #inbox: string;
  readonly #apiSubject: string;
  readonly #subscription: Subscription;
  readonly #connection: { stop(): void };
  readonly #watchdog: NodeJS.Timeout;
  readonly #pulls = new Map<string, Pull>();
  #next = 0;
  #heardAt = performance.now();
  #backoffUntil = 0;
  #state: 'ok' | 'missing' | 'deleted' | 'silent' = 'ok';
  #stopped = false;

  constructor(options: PullLoopOptions) {
    this.#options = options;
    this.#inbox = `${inboxPrefix(options.nc)}.${crypto.randomUUID().slice(0, 8)}`;
    this.#apiSubject = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.durable}`;
    this.#subscription = options.nc.subscribe(`${this.#inbox}.*`, {
      callback: (_error, message) => this.#arrived(message),
    });
    this.#connection = watchConnection(options.nc, { reconnected: () => this.#restart() });
    this.#watchdog = setInterval(() => this.#watch(), IDLE_HEARTBEAT_MS / 2);
    this.#watchdog.unref();
    this.poke();
  }

  /** Messages asked for and not yet here. */
  get onTheWay(): number {
    let sum = 0;
    for (const pull of this.#pulls.values()) sum += pull.remaining;
    return sum;
  }

  /** Says that `want()` may have changed. Cheap. */
  poke(): void {
    if (this.#stopped || performance.now() < this.#backoffUntil) return;
    const want = this.#options.want();
    const onTheWay = this.onTheWay;
    // Below half, so that requests stay few when messages stream.
    if (want > 0 && onTheWay <= want / 2) this.#pull(want - onTheWay);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#watchdog);
    this.#connection.stop();
    if (this.#options.nc.isClosed()) return;
    await this.#subscription.drain();
  }

  #pull(batch: number): void {
    if (this.#pulls.size === 0) this.#heardAt = performance.now();
    const id = (this.#next++).toString(36);
    this.#pulls.set(id, { remaining: batch });
    const request = `{"batch":${batch},"expires":${EXPIRES_MS * 1e6},"idle_heartbeat":${IDLE_HEARTBEAT_MS * 1e6}}`;
    this.#options.nc.publish(this.#apiSubject, request, { reply: `${this.#inbox}.${id}` });
  }

  #arrived(message: Msg): void {
    this.#heardAt = performance.now();
    const isStatus = message.subject.startsWith(this.#inbox);
    if (isStatus) this.#status(message.subject.slice(this.#inbox.length + 1), message);
    else this.#deliver(message);
  }

  #deliver(message: Msg): void {
    // The broker serves requests in their order: the oldest one is being filled.
    for (const [id, pull] of this.#pulls) {
      pull.remaining -= 1;
      if (pull.remaining <= 0) this.#pulls.delete(id);
      break;
    }
    this.#report('ok');
    this.#options.onMessage(new Delivery(message));
    this.poke();
  }

  #status(id: string, message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code === 100) return; // idle heartbeat
    this.#pulls.delete(id);
    if (code === 503) this.#backoff('missing');
    else if (code === 409 && (message.headers?.description ?? '').includes('Consumer Deleted'))
      this.#backoff('deleted');
    else if (code === 409)
      this.#backoff(undefined); // leadership change, too many waiting pulls
    else if (code === 408 || code === 404) this.#report('ok');
    this.poke();
  }

  #backoff(state: 'missing' | 'deleted' | undefined): void {
    this.#pulls.clear();
    this.#backoffUntil = performance.now() + BACKOFF_MS;
    if (state !== undefined) this.#report(state);
  }

  #watch(): void {
    if (this.#pulls.size > 0 && performance.now() - this.#heardAt > MISSED_MS) {
      this.#report('silent');
      this.#restart();
      return;
    }
    this.poke();
  }

  /** Forgets requests that will not be answered. Messages of them that come after all are delivered, not counted. */
  #restart(): void {
    this.#pulls.clear();
    this.#backoffUntil = 0;
    this.#heardAt = performance.now();
    this.poke();
  }

  #report(state: 'ok' | 'missing' | 'deleted' | 'silent'): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState?.(state);
  }
}
