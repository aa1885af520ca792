/**
 * A message in hand, from delivery to its one answer.
 *
 *   M1  It is acknowledged when each of its frames is settled and the settlement is stored: not before.
 *   M2  It is answered once; after it was given back, what still comes of its frames changes nothing.
 *   M3  Delivered again while in hand, it is not worked again: the answer goes to the latest delivery.
 */
import type { Delivery } from '@frame-buffer/jetstream';

export class MessageInHand {
  readonly key: string;
  /** When the broker stored it; compare through `BrokerClock`. */
  readonly stampedAtMs: number;
  readonly subject: string;
  /** Had it been delivered to anybody before? */
  readonly isRedelivered: boolean;
  readonly #onAnswered: (message: MessageInHand, answer: 'acked' | 'givenBack') => void;
  #delivery: Delivery;
  #unsettled: number;
  #hasBegun = false;
  #isAnswered = false;

  constructor(
    delivery: Delivery,
    frames: number,
    onAnswered: (message: MessageInHand, answer: 'acked' | 'givenBack') => void,
  ) {
    this.key = keyOf(delivery);
    this.stampedAtMs = delivery.stampedAtMs;
    this.subject = delivery.subject;
    this.isRedelivered = delivery.deliveries > 1;
    this.#delivery = delivery;
    this.#unsettled = frames;
    this.#onAnswered = onAnswered;
  }

  /** Has any of its frames been started? */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  begin(): void {
    this.#hasBegun = true;
  }

  /** The settlement of so many more frames is stored. */
  settled(frames = 1): void {
    this.#unsettled -= frames;
    if (this.#unsettled > 0 || this.#isAnswered) return;
    this.#isAnswered = true;
    this.#delivery.ack();
    this.#onAnswered(this, 'acked');
  }

  /** Back into the queue, for any instance. */
  giveBack(delayMs = 0): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#delivery.nak(delayMs);
    this.#onAnswered(this, 'givenBack');
  }

  working(): void {
    this.#delivery.working();
  }

  adopt(delivery: Delivery): void {
    this.#delivery = delivery;
  }
}

/** The sequence alone would name another message after the stream was made anew. */
export function keyOf({ streamSequence, stampedAtMs }: Delivery): string {
  return `${streamSequence}@${stampedAtMs}`;
}
