/** Reads one lane into a small queue of held messages; asks for more only while its owner can place them. */

import { type Delivery, PullLoop } from '@frame-buffer/jetstream';
import { durable, type Lane, openBatch, STREAM } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';
import { Held } from './held.ts';

export interface LaneReaderOptions {
  readonly nc: NatsConnection;
  readonly capability: string;
  readonly lane: Lane;
  /** How many messages this lane may have in hand now. */
  readonly limit: () => number;
  readonly onHeld: () => void;
  readonly onUnreadable: (delivery: Delivery, reason: 'malformed' | 'unsupported_version', detail: string) => void;
  /** Milliseconds since the broker stamped the message. */
  readonly waitedMs: (delivery: Delivery) => number;
  readonly onState: (lane: string, state: string) => void;
}

export class LaneReader {
  readonly lane: Lane;
  readonly held: Held[] = [];
  readonly #options: LaneReaderOptions;
  readonly #loop: PullLoop;

  constructor(options: LaneReaderOptions) {
    this.#options = options;
    this.lane = options.lane;
    const name = durable.lane(options.capability, options.lane);
    this.#loop = new PullLoop({
      nc: options.nc,
      stream: STREAM.frames,
      durable: name,
      want: () => options.limit() - this.held.length,
      onMessage: (delivery) => this.#arrived(delivery),
      onState: (state) => options.onState(name, state),
    });
  }

  get head(): Held | undefined {
    return this.held[0];
  }

  shift(): Held | undefined {
    return this.held.shift();
  }

  poke(): void {
    this.#loop.poke();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  #arrived(delivery: Delivery): void {
    const opened = openBatch(delivery.data);
    if (!opened.ok) {
      this.#options.onUnreadable(delivery, opened.reason, opened.detail);
      return;
    }
    const notBeforeMs = opened.batch.delayMs - this.#options.waitedMs(delivery);
    if (notBeforeMs > 0) {
      delivery.nak(notBeforeMs);
      return;
    }
    this.held.push(new Held(delivery, opened.batch, this.lane));
    this.#options.onHeld();
  }
}
