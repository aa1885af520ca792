/** Everything that the view shows, at one moment. Undefined is not known, and shown as `–`. */
import type { Balance } from '@frame-buffer/protocol';
import type { CameraState } from '../cameras.ts';
import type { PartStatus } from '../part.ts';
import type { LastResult } from '../results.ts';

export interface Snapshot {
  readonly phase: 'running' | 'draining' | 'ended';
  /** Since everything was ready. */
  readonly elapsedMs: number;
  /** With `--for`: until the drain. */
  readonly remainingMs: number | undefined;
  readonly parts: readonly PartStatus[];
  readonly cameras: readonly CameraState[];
  readonly capabilities: readonly CapabilityRow[];
  readonly processors: readonly ProcessorRow[];
  readonly ledger: LedgerRow | undefined;
  readonly results: readonly LastResult[];
  /** Processed tasks per second, oldest first. */
  readonly throughput: readonly number[];
  /** What the health-monitor finds wrong, a sentence each, worst first. */
  readonly faults: readonly string[];
}

export interface CapabilityRow {
  readonly name: string;
  /** Messages in its lanes. */
  readonly waiting: number | undefined;
  readonly processedPerSecond: number | undefined;
  /** Median from capture to the end of the handler. */
  readonly ageMs: number | undefined;
}

export interface ProcessorRow {
  readonly name: string;
  readonly instances: number | undefined;
  /** Tasks that an orchestrator has given it and that are not settled. */
  readonly outstanding: number | undefined;
  /** How many of them it may have. */
  readonly window: number | undefined;
  /** Tasks in its handlers. */
  readonly inFlight: number | undefined;
  readonly processedPerSecond: number | undefined;
  readonly serviceMs: number | undefined;
}

export interface LedgerRow extends Balance {
  readonly exact: boolean;
  readonly stale: boolean;
}
