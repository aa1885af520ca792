/** Outcomes for processors that do not settle, where the orchestrator that watched their acknowledgements has died. */
import type { SettlementWriter } from '@frame-buffer/jetstream';
import type { SequenceSet } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { Books } from './fold.ts';
import { intersection, type SetsByAccount, union } from './sets.ts';

export interface SettleAcknowledgedOptions {
  readonly books: Books;
  /** Tasks without outcome that no stream holds, confirmed. */
  readonly missing: SetsByAccount;
  readonly records: { isPlain(processor: string): boolean };
  readonly writer: Pick<SettlementWriter, 'addRange'>;
  readonly log: Logger;
}

/**
 * Settles as `processed/acked` what lay in the queue of a plain processor and is gone; answers what it settled. Settling a task twice
 * changes nothing, so the writes are not awaited: what does not reach the stream is found missing again.
 */
export function settleAcknowledged({ books, missing, records, writer, log }: SettleAcknowledgedOptions): SetsByAccount {
  const settled = new Map<string, SequenceSet>();
  for (const [key, sequences] of missing) {
    const account = books.find(key);
    if (account === undefined) continue;
    for (const { processor, sequences: routed } of account.routed()) {
      if (!records.isPlain(processor)) continue;
      const gone = intersection(sequences, routed);
      if (gone.isEmpty) continue;
      // No dispatcher: one that lives corrects its credit by itself, and must not get it twice.
      const entry = { ...account.id, kind: 'processed', reason: 'acked', processor } as const;
      for (const [from, to] of gone.ranges()) void writer.addRange(entry, from, to);
      settled.set(key, union(settled.get(key) ?? gone, gone));
      log.info('tasks.acknowledged', { ...account.id, processor, tasks: gone.size });
    }
  }
  return settled;
}
