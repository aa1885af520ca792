/**
 * The broker's clock as seen from here: age since a message was stamped is computed without trusting this host's wall clock.
 *
 * The offset between this process's monotonic clock and the broker's stamps is measured from the `ts` that the JetStream API
 * puts into its answers; half the round trip is the error (below 1 ms on one host).
 */
import type { NatsConnection } from '@nats-io/nats-core';

const MEASURE_EVERY_MS = 30_000;

export class BrokerClock {
  /** Broker's milliseconds since 1970 minus this process's monotonic milliseconds. */
  #offsetMs = Date.now() - performance.now();
  #timer: NodeJS.Timeout | undefined;
  readonly #nc: NatsConnection;
  readonly #infoSubject: string;

  /** `infoSubject`: a JetStream API subject this identity may request, such as `$JS.API.STREAM.INFO.WORK`. */
  constructor(nc: NatsConnection, infoSubject: string) {
    this.#nc = nc;
    this.#infoSubject = infoSubject;
  }

  async start(): Promise<void> {
    await this.measure();
    this.#timer = setInterval(() => void this.measure(), MEASURE_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  nowMs(): number {
    return performance.now() + this.#offsetMs;
  }

  /** Milliseconds since a stamp of the broker; never negative. */
  sinceMs(stampMs: number): number {
    return Math.max(0, this.nowMs() - stampMs);
  }

  /** Keeps the old offset when the broker does not answer: both clocks run on at the same pace. */
  async measure(): Promise<void> {
    const asked = performance.now();
    try {
      const answer = await this.#nc.request(this.#infoSubject, '', { timeout: 2_000 });
      const { ts } = answer.json<{ ts?: string }>();
      const middle = (asked + performance.now()) / 2;
      const stamped = Date.parse(ts ?? '');
      if (!Number.isNaN(stamped)) this.#offsetMs = stamped - middle;
    } catch {
      // The next measurement mends it.
    }
  }
}
