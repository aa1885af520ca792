/**
 * What a message of the settlement feed says about processors: how many of their tasks succeeded, how many failed. Pure.
 *
 * A message has one writer, so what it says of a processor is mostly about one instance; it counts, and does not tell in which
 * order things happened.
 */
import type { Settlement, SettlementEntry } from '@frame-buffer/protocol';

export interface Finding {
  readonly processor: string;
  /** `''` for a processor that does not settle by itself. */
  readonly instance: string;
  /** Tasks. */
  readonly succeeded: number;
  readonly failed: number;
  /** Milliseconds that one of them took, 0 when nobody says: the longest mean among the entries. */
  readonly serviceMs: number;
}

/**
 * Of `dead_lettered` and `returned`. Others say nothing about a handler: the picture was gone, the deadline has passed, or an
 * instance gave back what it had not begun.
 */
const FAILURES: ReadonlySet<string> = new Set(['handler_failed', 'timed_out']);

/** One finding for each processor and instance in the message that it says anything of. */
export function findingsOf({ entries }: Settlement): readonly Finding[] {
  let first: Tally | undefined;
  let others: Tally[] | undefined;
  for (const entry of entries) {
    const isSuccess = entry.kind === 'processed';
    if (entry.processor === undefined || !(isSuccess || isFailure(entry))) continue;
    // Nearly always there is only one.
    let tally = first?.isOf(entry) ? first : others?.find((other) => other.isOf(entry));
    if (tally === undefined) {
      tally = new Tally(entry.processor, entry.instance ?? '');
      if (first === undefined) first = tally;
      else if (others === undefined) others = [tally];
      else others.push(tally);
    }
    tally.add(entry, isSuccess);
  }
  if (first === undefined) return [];
  return others === undefined ? [first] : [first, ...others];
}

function isFailure({ kind, reason }: SettlementEntry): boolean {
  return (kind === 'dead_lettered' || kind === 'returned') && FAILURES.has(reason);
}

class Tally implements Finding {
  readonly processor: string;
  readonly instance: string;
  succeeded = 0;
  failed = 0;
  serviceMs = 0;

  constructor(processor: string, instance: string) {
    this.processor = processor;
    this.instance = instance;
  }

  isOf({ processor, instance = '' }: SettlementEntry): boolean {
    return processor === this.processor && instance === this.instance;
  }

  add({ sequences, serviceMs = 0 }: SettlementEntry, isSuccess: boolean): void {
    const tasks = sequences.size;
    if (isSuccess) this.succeeded += tasks;
    else this.failed += tasks;
    if (tasks > 0) this.serviceMs = Math.max(this.serviceMs, serviceMs / tasks);
  }
}
