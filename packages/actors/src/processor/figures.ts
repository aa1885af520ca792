/** What a processor's heartbeats say about how it works, and which of it is wrong. */
import type { ProcessorSettings } from './settings.ts';

/** Of all instances together, over the last few seconds. What is missing is not known, and not wrong. */
export interface Figures {
  /** Failed of all tasks that ended, 0 to 1. */
  readonly failureShare?: number;
  /** Handlers' time, p95 in ms. */
  readonly latencyMs?: number;
  /** Longest time that an instance's event loop has not answered its heartbeat thread, ms. */
  readonly blockedMs?: number;
  /** Longest time that a task has been worked without an end by an instance whose event loop answers, ms. */
  readonly stuckMs?: number;
}

/**
 * - `failing`: too many tasks fail.
 * - `slow`: tasks end, but late.
 * - `blocking`: a handler keeps the event loop to itself.
 * - `hung`: a handler neither ends nor works.
 */
export type Impairment = 'failing' | 'slow' | 'blocking' | 'hung';

/** `share`: of each bound, 1 when missing. A figure is wrong when it is above that. */
export function impairmentsOf(figures: Figures, settings: ProcessorSettings, share = 1): readonly Impairment[] {
  const isAbove = (figure: number | undefined, bound: number) => (figure ?? 0) > bound * share;
  const found: readonly [Impairment, boolean][] = [
    ['failing', isAbove(figures.failureShare, settings.maxFailureShare)],
    ['slow', isAbove(figures.latencyMs, settings.maxLatencyMs)],
    ['blocking', isAbove(figures.blockedMs, settings.maxBlockedMs)],
    ['hung', isAbove(figures.stuckMs, settings.maxStuckMs)],
  ];
  return found.filter(([, isWrong]) => isWrong).map(([impairment]) => impairment);
}
