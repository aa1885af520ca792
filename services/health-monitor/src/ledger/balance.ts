/** From the books and an audit to the answer: a snapshot of one moment, summed for whoever asks. Pure. */
import { type Ledger, ledgerSchema, OUTCOMES, type Outcome } from '@frame-buffer/protocol';
import { z } from 'zod';
import type { AccountSummary } from './fold.ts';
import { intersection, type SetsByAccount } from './sets.ts';

/** One account at the moment of the snapshot. */
export interface Row extends Omit<AccountSummary, 'open'> {
  /** Open and found in a stream; of an estimate, those of its sample. */
  readonly held: number;
  readonly unaccounted: number;
}

export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly takenAtMs: number;
  readonly rows: readonly Row[];
  /** Were the streams read in full? */
  readonly exact: boolean;
  /** How many tasks the streams hold for each one held by a row; 1 when exact. */
  readonly scale: number;
  /** Milliseconds since 1970 from which on the books are complete; undefined when they go back to the beginning. */
  readonly exactSinceMs: number | undefined;
}

export const ledgerAnswerSchema = ledgerSchema.extend({
  /** ISO 8601: when the books were balanced. */
  asOf: z.iso.datetime(),
  /** The books could not be balanced lately, for instance because the broker is away. */
  stale: z.boolean(),
});

export type LedgerAnswer = z.infer<typeof ledgerAnswerSchema>;

export interface LedgerFilter {
  /** Only epochs that began at or after this, milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly camera?: string | undefined;
}

export function toRows(summaries: readonly AccountSummary[], held: SetsByAccount, unaccounted: SetsByAccount): Row[] {
  return summaries.map(({ open, ...summary }) => {
    const inStreams = held.get(summary.key);
    return {
      ...summary,
      held: inStreams === undefined || open.isEmpty ? 0 : intersection(open, inStreams).size,
      unaccounted: unaccounted.get(summary.key)?.size ?? 0,
    };
  });
}

/** The balance of the accounts that the filter lets through. */
export function balance({ rows, exact, scale, exactSinceMs }: Snapshot, filter: LedgerFilter = {}): Ledger {
  const ledger = { ...noTasks(), in_flight: 0, unaccounted: 0, redelivered: 0 };
  const reasons = new Map<string, number>();
  const cameras = new Map<string, Tally>();
  const capabilities = new Map<string, Tally>();
  let conflicts = 0;
  let held = 0;
  for (const row of rows) {
    if (row.epoch < (filter.since ?? 0) || (filter.camera !== undefined && row.camera !== filter.camera)) continue;
    for (const tally of [ledger, tallyOf(cameras, row.camera), tallyOf(capabilities, row.capability)]) add(tally, row);
    for (const [reason, count] of row.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    held += row.held;
    ledger.unaccounted += row.unaccounted;
    ledger.redelivered += row.redelivered;
    conflicts += row.conflicts;
  }
  ledger.in_flight = Math.round(held * scale);
  return {
    ledger,
    exact,
    ...(exactSinceMs === undefined ? {} : { exactSince: new Date(exactSinceMs).toISOString() }),
    conflicts,
    reasons: byName(reasons),
    cameras: byName(cameras),
    capabilities: byName(capabilities),
  };
}

type Tally = Record<Outcome | 'captured', number>;

function noTasks(): Tally {
  return { captured: 0, processed: 0, superseded: 0, expired: 0, shed: 0, dead_lettered: 0 };
}

function tallyOf(tallies: Map<string, Tally>, name: string): Tally {
  const known = tallies.get(name);
  if (known !== undefined) return known;
  const tally = noTasks();
  tallies.set(name, tally);
  return tally;
}

function add(tally: Tally, row: Row): void {
  tally.captured += row.captured;
  for (const outcome of OUTCOMES) tally[outcome] += row.outcomes[outcome];
}

function byName<T>(values: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}
