/**
 * What a strategy is: it picks one of its candidates, which are fixed, by their live credit.
 *
 *   S1  A candidate without room is never picked.
 *   S2  While any candidate has room, one that the strategy allows is picked, at the latest `RECHECK_MS` after it got room.
 *   S3  A decision does no I/O and allocates nothing; its cost does not grow with the number of candidates (or as its
 *       logarithm).
 *
 * Candidates are told apart by their *slot*, the place in `candidates`.
 */
import type { Limits, ProcessorCredit } from '../credit/credit.ts';
import type { Route } from '../routes/route.ts';

/** What a decision reads of a processor, in one place: with a thousand of them, cost is memory that is not in a cache. */
export interface Candidate extends Limits {
  readonly route: Route;
  readonly credit: ProcessorCredit;
  readonly maxBatch: number;
}

export function candidateOf(route: Route, credit: ProcessorCredit, peers: number): Candidate {
  const { maxQueue, maxBatch } = route.processor;
  return { route, credit, concurrency: route.concurrency, maxQueue, peers, maxBatch };
}

export interface Strategy {
  readonly candidates: readonly Candidate[];
  /** The slot of the latest task, `NONE` before the first (and where turns do not matter). */
  readonly latest: number;
  /** The slot that gets the next task of a camera, or `NONE` when no candidate that may have it has room. */
  pick(camera: string, nowMs: number): number;
  /** Must follow every pick that is carried out, with the number of tasks that went there. */
  placed(slot: number, tasks: number): void;
  /** May a frame of this camera go along with one that was picked for the slot? */
  joins(camera: string, slot: number): boolean;
  /** Ends the watching of credits; the strategy is not used any more. */
  stop(): void;
}

export const NONE = -1;

/** Room that comes with time alone is found at the latest after so many milliseconds. */
export const RECHECK_MS = 50;

export function roomOf(candidate: Candidate, nowMs: number): number {
  return candidate.credit.room(candidate, nowMs);
}
