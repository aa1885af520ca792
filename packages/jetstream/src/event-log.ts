/** Writes to the audit log (EVENTS). Best effort: an event never holds up the work that it tells of. */
import { type AuditEvent, subject } from '@frame-buffer/protocol';
import type { Publisher } from './publisher.ts';

export class EventLog {
  readonly #publisher: Publisher;
  readonly #by: string;

  constructor(publisher: Publisher, by: string) {
    this.#publisher = publisher;
    this.#by = by;
  }

  record(event: Omit<AuditEvent, 'at' | 'by'>): void {
    // While the broker is away a bounded number waits; the log line that goes with each event is not lost.
    if (this.#publisher.pending > 1000) return;
    const full: AuditEvent = { ...event, at: new Date().toISOString(), by: this.#by };
    void this.#publisher.publish(subject.event(event.kind, event.id), Buffer.from(JSON.stringify(full)));
  }
}
