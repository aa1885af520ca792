/** What every dispatcher of this orchestrator shares. */

import type { BrokerClock, Publisher, SettlementWriter } from '@frame-buffer/jetstream';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Credits } from '../credit/credits.ts';
import type { OrchestratorMetrics } from '../metrics.ts';
import type { PlainWork } from '../plain/plain-work.ts';
import type { RouteTable } from '../routes/route-table.ts';
import type { StepAudit } from '../routes/step-audit.ts';
import type { DeadLetterDesk } from './dead-letters.ts';

export interface DispatchContext {
  readonly nc: NatsConnection;
  /** This orchestrator's instance name: the `dispatcher` of what it sends. */
  readonly self: string;
  readonly clock: BrokerClock;
  readonly publisher: Publisher;
  readonly settlements: SettlementWriter;
  readonly credits: Credits;
  readonly routes: () => RouteTable;
  /** Of the FRAMES stream; changes when its store was lost. */
  readonly incarnation: () => string;
  readonly plainWork: PlainWork;
  readonly deadLetters: DeadLetterDesk;
  readonly metrics: OrchestratorMetrics;
  readonly steps: StepAudit;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}
