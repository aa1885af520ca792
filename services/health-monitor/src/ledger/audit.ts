/**
 * Which tasks are unaccounted for: open in the books although no stream holds them.
 *
 *   A1  A task that a scan finds in a stream, or that has an outcome, is never unaccounted.
 *   A2  After exact scans: a task is unaccounted when two consecutive scans, at least CONFIRM_MS apart, both missed it, and
 *       every scan in between. One scan may miss a task that moves between streams while they are read.
 *   A3  After an estimate: only tasks that have been open for longer than the longest life a task of their capability can have, and
 *       those that exact scans had found before, as long as they stay open. Where a capability's tasks live for ever, none become so.
 *   A4  Ages are counted by this process's monotonic clock, from when it first saw a task open: a restart forgets them.
 *
 * Pure: the caller says what the time is.
 */
import type { SequenceSet } from '@frame-buffer/protocol';
import { combine, difference, intersection, type SetsByAccount, union } from './sets.ts';

export const CONFIRM_MS = 1_000;

export interface Observation {
  /** Milliseconds of a monotonic clock. */
  readonly atMs: number;
  /** Tasks without outcome, once everything that was settled before the end of the scan has been applied. */
  readonly open: SetsByAccount;
  /** Tasks that the scan found. */
  readonly held: SetsByAccount;
  /** Did the scan read all that the streams hold? */
  readonly exact: boolean;
  /** The longest life of an account's tasks, milliseconds; Infinity where they never expire. */
  readonly longestLifeMs: (key: string) => number;
}

export class Audit {
  #candidates: { readonly atMs: number; readonly missing: SetsByAccount } | undefined;
  #unaccounted: SetsByAccount = new Map();
  #overdue: SetsByAccount = new Map();
  readonly #aging = new Map<string, { readonly sinceMs: number; readonly open: SequenceSet }>();

  /** The tasks that are unaccounted for now. */
  observe(observation: Observation): SetsByAccount {
    this.#age(observation);
    this.#unaccounted = observation.exact ? this.#confirm(observation) : this.#estimate(observation);
    return this.#unaccounted;
  }

  #confirm({ atMs, open, held }: Observation): SetsByAccount {
    const missing = combine(open, held, difference);
    const before = this.#candidates;
    if (before === undefined || atMs - before.atMs >= CONFIRM_MS) {
      this.#candidates = { atMs, missing };
      return combine(before?.missing ?? this.#unaccounted, missing, intersection);
    }
    // Too soon to confirm anything; whatever this scan found is no candidate any more.
    this.#candidates = { atMs: before.atMs, missing: combine(before.missing, missing, intersection) };
    return combine(this.#unaccounted, missing, intersection);
  }

  #estimate({ open, held }: Observation): SetsByAccount {
    this.#candidates = undefined;
    const suspects = new Map(this.#unaccounted);
    for (const [key, overdue] of this.#overdue) {
      const known = suspects.get(key);
      suspects.set(key, known === undefined ? overdue : union(known, overdue));
    }
    return combine(combine(suspects, open, intersection), held, difference);
  }

  /** What was open one life ago and still is has outlived it. Looked at once per life, so found within two. */
  #age({ atMs, open, longestLifeMs }: Observation): void {
    const overdue = combine(this.#overdue, open, intersection);
    for (const key of this.#aging.keys()) if (!open.has(key)) this.#aging.delete(key);
    for (const [key, openNow] of open) {
      const then = this.#aging.get(key);
      if (then !== undefined && atMs - then.sinceMs < longestLifeMs(key)) continue;
      this.#aging.set(key, { sinceMs: atMs, open: openNow });
      if (then === undefined) continue;
      const outlived = intersection(then.open, openNow);
      if (!outlived.isEmpty) overdue.set(key, union(overdue.get(key) ?? outlived, outlived));
    }
    this.#overdue = overdue;
  }
}
