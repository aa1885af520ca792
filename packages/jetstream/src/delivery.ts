/**
 * One delivered message of a pull consumer. `ack` and `nak` are final: a second final answer is a no-op. An answer is sent
 * once and not confirmed; one that is lost has the broker deliver the message again.
 */
import { errors, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core';
import { type DeliveryInfo, parseAckSubject } from './ack-subject.ts';

const ACK = Buffer.from('+ACK');
const NAK = Buffer.from('-NAK');
const WORKING = Buffer.from('+WPI');

const CONFIRM_MS = 2_000;
const CONFIRM_AGAIN_MS = 100;

export class Delivery {
  readonly #message: Msg;
  #info: DeliveryInfo | undefined;
  #answered = false;

  constructor(message: Msg) {
    this.#message = message;
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
    return this.#delivery().deliveries;
  }

  get streamSequence(): number {
    return this.#delivery().streamSequence;
  }

  /** When the broker stored it, milliseconds since 1970 with fraction; compare through `BrokerClock`. */
  get stampedAtMs(): number {
    return this.#delivery().stampedAtMs;
  }

  get isAnswered(): boolean {
    return this.#answered;
  }

  /** Done: a work queue removes it. */
  ack(): void {
    this.#answer(ACK);
  }

  /**
   * Done, and confirmed: `done` when the broker has heard it, `gone` when the consumer does not exist any more. Asks again until
   * one of them is known, or the connection is closed (`closed`).
   */
  confirmedAck(nc: NatsConnection): Promise<'done' | 'gone' | 'closed'> {
    if (this.#answered) throw new TypeError('this delivery is answered');
    this.#answered = true;
    return this.#confirmed(nc, ACK);
  }

  /** Still at it, and confirmed: does the consumer that delivered this exist? As above; an aborted signal ends it as `closed`. */
  confirmedWorking(nc: NatsConnection, signal: AbortSignal): Promise<'done' | 'gone' | 'closed'> {
    return this.#confirmed(nc, WORKING, signal);
  }

  /** Not done: deliver it again, after `delayMs`. */
  nak(delayMs = 0): void {
    const isDelayed = delayMs > 0 && Number.isFinite(delayMs);
    this.#answer(isDelayed ? Buffer.from(`-NAK {"delay": ${Math.round(delayMs * 1e6)}}`) : NAK);
  }

  /** Still at it: the ack wait begins anew. */
  working(): void {
    if (!this.#answered) this.#send(WORKING);
  }

  async #confirmed(nc: NatsConnection, answer: Buffer, signal?: AbortSignal): Promise<'done' | 'gone' | 'closed'> {
    while (!nc.isClosed() && !nc.isDraining() && signal?.aborted !== true) {
      try {
        await nc.request(this.#message.reply ?? '', answer, { timeout: CONFIRM_MS });
        return 'done';
      } catch (error) {
        if (isNobodyThere(error)) return 'gone';
        // No answer in time, or the connection is lost for now: an answer may be said twice.
        await new Promise((resolve) => setTimeout(resolve, CONFIRM_AGAIN_MS));
      }
    }
    return 'closed';
  }

  #answer(answer: Buffer): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#send(answer);
  }

  #send(answer: Buffer): void {
    try {
      this.#message.respond(answer);
    } catch {
      // The connection is closed: an answer that cannot be sent is as good as one that is lost.
    }
  }

  #delivery(): DeliveryInfo {
    this.#info ??= parseAckSubject(this.#message.reply ?? '');
    return this.#info;
  }
}

function isNobodyThere(error: unknown): boolean {
  if (error instanceof errors.NoRespondersError) return true;
  return error instanceof errors.RequestError && error.isNoResponders();
}
