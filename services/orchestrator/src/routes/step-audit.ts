/**
 * Says in EVENTS which step of its chain a capability has come to: `route.step-changed` from one step's name to another's, at
 * most once a second and capability, since a pool on the verge of its capacity sends tasks here and there.
 */
import type { AuditEvent } from '@frame-buffer/protocol';

const AT_MOST_EVERY_MS = 1_000;

interface Stand {
  step: string;
  toldAt: number;
}

export class StepAudit {
  readonly #stands = new Map<string, Stand>();
  readonly #events: { record(event: Omit<AuditEvent, 'at' | 'by'>): void };

  constructor(events: { record(event: Omit<AuditEvent, 'at' | 'by'>): void }) {
    this.#events = events;
  }

  /** A decision for this capability was made at this step. */
  decided(capability: string, step: string, nowMs: number): void {
    const stand = this.#stands.get(capability);
    if (stand === undefined) {
      this.#stands.set(capability, { step, toldAt: Number.NEGATIVE_INFINITY });
      return;
    }
    if (stand.step === step || nowMs - stand.toldAt < AT_MOST_EVERY_MS) return;
    this.#events.record({
      kind: 'capability',
      id: capability,
      event: 'route.step-changed',
      from: stand.step,
      to: step,
    });
    stand.step = step;
    stand.toldAt = nowMs;
  }
}
