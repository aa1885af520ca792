/** Writes to the audit log (EVENTS). Best effort: an event never holds up the work that it tells of. */
import { type AuditEvent, subject } from '@frame-buffer/protocol';
import type { Publisher } from './publisher.ts';

/** Events that may wait for the broker; further ones are dropped. The log line that goes with each event is not lost. */
const MAX_WAITING = 1_000;

export class EventLog {
  readonly #publisher: Publisher;
  readonly #by: string;
  #waiting = 0;
  #dropped = 0;

  constructor(publisher: Publisher, by: string) {
    this.#publisher = publisher;
    this.#by = by;
  }

  /** Events that were not written, because too many waited for the broker. */
  get dropped(): number {
    return this.#dropped;
  }

  record(event: Omit<AuditEvent, 'at' | 'by'>): void {
    if (this.#waiting >= MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    const full: AuditEvent = { ...event, at: new Date().toISOString(), by: this.#by };
    void this.#write(subject.event(event.kind, event.id), Buffer.from(JSON.stringify(full)));
  }

  async #write(to: string, event: Buffer): Promise<void> {
    this.#waiting += 1;
    await this.#publisher.publish(to, event, { msgId: crypto.randomUUID() });
    this.#waiting -= 1;
  }
}
