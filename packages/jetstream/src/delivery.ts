/**
 * One delivered message of a pull consumer. The four answers are final, except `working`; a second final answer is a no-op.
 */
import type { Msg, MsgHdrs } from '@nats-io/nats-core';

const ACK = Buffer.from('+ACK');
const NAK = Buffer.from('-NAK');
const WORKING = Buffer.from('+WPI');

export class Delivery {
  readonly #message: Msg;
  readonly #tokens: string[];
  #answered = false;

  constructor(message: Msg) {
    this.#message = message;
    // `$JS.ACK.<stream>.<consumer>.…` and, from server 2.15 on, `$JS.ACK.<domain>.<account>.<stream>.<consumer>.…`
    const tokens = (message.reply ?? '').split('.');
    this.#tokens = tokens.length >= 11 ? tokens.slice(4) : tokens.slice(2);
  }

  get subject(): string {
    return this.#message.subject;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get headers(): MsgHdrs | undefined {
    return this.#message.headers;
  }

  /** 1 for the first delivery. */
  get deliveries(): number {
    return Number(this.#tokens[2]);
  }

  get streamSequence(): number {
    return Number(this.#tokens[3]);
  }

  /** When the broker stored it, milliseconds since 1970 with fraction; compare through `BrokerClock`. */
  get stampedAtMs(): number {
    return Number(this.#tokens[5]) / 1e6;
  }

  get isAnswered(): boolean {
    return this.#answered;
  }

  /** Done: a work queue removes it. */
  ack(): void {
    this.#answer(ACK);
  }

  /** Not done: deliver it again, after `delayMs`. */
  nak(delayMs = 0): void {
    this.#answer(delayMs > 0 ? Buffer.from(`-NAK {"delay": ${Math.round(delayMs * 1e6)}}`) : NAK);
  }

  /** Still at it: the ack wait begins anew. */
  working(): void {
    if (!this.#answered) this.#message.respond(WORKING);
  }

  #answer(answer: Buffer): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#message.respond(answer);
  }
}
