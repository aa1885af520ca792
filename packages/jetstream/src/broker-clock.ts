/**
 * The broker's clock as seen from here: age since a message was stamped is computed without trusting this host's wall clock.
 *
 * The offset between this process's monotonic clock and the broker's stamps is measured from the `ts` that the JetStream API
 * puts into its answers, by the quickest of a few; half its round trip is the error (below 1 ms on one host).
 */
import type { NatsConnection } from '@nats-io/nats-core';

const MEASURE_EVERY_MS = 30_000;
const TRIES = 4;
const REQUEST_MS = 2_000;

export class BrokerClock {
  /** Broker's milliseconds since 1970 minus this process's monotonic milliseconds. This host's own clock until measured. */
  #offsetMs = Date.now() - performance.now();
  #timer: NodeJS.Timeout | undefined;
  readonly #nc: NatsConnection;
  readonly #infoSubject: string;

  /** `infoSubject`: a JetStream API subject this identity may request, such as `$JS.API.STREAM.INFO.WORK`. */
  constructor(nc: NatsConnection, infoSubject: string) {
    this.#nc = nc;
    this.#infoSubject = infoSubject;
  }

  /** Resolves after the first measurement, or when the broker has not answered for 2 s. */
  async start(): Promise<void> {
    this.#timer ??= setInterval(() => void this.measure(), MEASURE_EVERY_MS).unref();
    await this.measure();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  nowMs(): number {
    return performance.now() + this.#offsetMs;
  }

  /** Milliseconds since a stamp of the broker; never negative. */
  sinceMs(stampMs: number): number {
    return Math.max(0, this.nowMs() - stampMs);
  }

  /** Keeps the old offset when the broker does not answer: both clocks run on at the same pace. Never rejects. */
  async measure(): Promise<void> {
    let quickestMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < TRIES; i++) {
      const sample = await this.#sample();
      if (sample === undefined) return;
      if (sample.roundTripMs >= quickestMs) continue;
      quickestMs = sample.roundTripMs;
      this.#offsetMs = sample.offsetMs;
    }
  }

  async #sample(): Promise<{ roundTripMs: number; offsetMs: number } | undefined> {
    const asked = performance.now();
    try {
      const answer = await this.#nc.request(this.#infoSubject, '', { timeout: REQUEST_MS });
      const answered = performance.now();
      const stamp = Date.parse(answer.json<{ ts?: string }>().ts ?? '');
      if (Number.isNaN(stamp)) return undefined;
      return { roundTripMs: answered - asked, offsetMs: stamp - (asked + answered) / 2 };
    } catch {
      return undefined;
    }
  }
}
