/** Puts what cannot be read into DEADLETTERS, as it came. */

import type { Delivery, Publisher } from '@frame-buffer/jetstream';
import { type DeadLetter, HEADER, subject } from '@frame-buffer/protocol';

const ORIGIN = 'orchestrator';
const REASON = 'undecodable';

export class DeadLetterDesk {
  readonly #publisher: Publisher;
  readonly #instance: string;

  constructor(publisher: Publisher, instance: string) {
    this.#publisher = publisher;
    this.#instance = instance;
  }

  /** True when the broker has stored it; only then may the message be acknowledged. */
  async undecodable(delivery: Delivery, detail: string): Promise<boolean> {
    const letter: DeadLetter = {
      reason: REASON,
      processor: ORIGIN,
      instance: this.#instance,
      error: { name: 'UndecodableMessage', code: REASON, message: detail },
      attempts: delivery.deliveries,
      failedAt: new Date().toISOString(),
      source: delivery.subject,
    };
    const { ok } = await this.#publisher.publish(subject.dead(ORIGIN, REASON), delivery.data, {
      msgId: `undecodable.${delivery.subject}.${delivery.streamSequence}.${delivery.stampedAtMs}`,
      headers: { [HEADER.reason]: REASON, [HEADER.error]: JSON.stringify(letter) },
    });
    return ok;
  }
}
