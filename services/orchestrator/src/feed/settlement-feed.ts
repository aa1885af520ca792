/**
 * The live feed of settlements: what gives credit back, milliseconds after the work is done.
 *
 * A plain subscription to the subjects of SETTLEMENTS: it costs the broker nothing, and what it misses while disconnected is
 * corrected from the broker's own count of the processor's queue (see credit/correction.ts).
 */

import { anySubject, decodeSettlement, type Settlement } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';

export function followSettlements(nc: NatsConnection, log: Logger, on: (settlement: Settlement) => void): void {
  nc.subscribe(anySubject.settled, {
    callback: (_error, message) => {
      const decoded = decodeSettlement(message.data);
      if (decoded.ok) on(decoded.settlement);
      else
        log.error('settlement.unreadable', {
          subject: message.subject,
          reason: decoded.reason,
          detail: decoded.detail,
        });
    },
  });
}
