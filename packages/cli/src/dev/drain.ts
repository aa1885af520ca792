/**
 * The drain: waits until every task of this run has its outcome.
 *
 *   D1  Bounded: whatever happens, it ends after `boundMs` and a last question, with the last ledger that was to be had.
 *   D2  It is over only when the ledger proves it (see `openTasks`): nothing in flight, nothing unaccounted for, exactly counted.
 */
import { openTasks, type RunLedger } from './ledger.ts';
import { pause } from './pause.ts';

export interface DrainOptions {
  /** Asks for a fresh balance. */
  readonly ask: () => Promise<RunLedger>;
  /** Told what is still open, or why that is not known, after every question. */
  readonly onProgress: (open: string, ledger: RunLedger | undefined) => void;
  /** Default 45 000. */
  readonly boundMs?: number;
  /** Between an answer and the next question. Default 250. */
  readonly intervalMs?: number;
}

export type DrainOutcome =
  | { readonly drained: true; readonly ledger: RunLedger }
  | { readonly drained: false; readonly ledger: RunLedger | undefined; readonly open: string };

/** What a process that was killed had in hand is delivered again after 30 s, the ack wait of its queue. */
const BOUND_MS = 45_000;
const INTERVAL_MS = 250;

export async function drain({
  ask,
  onProgress,
  boundMs = BOUND_MS,
  intervalMs = INTERVAL_MS,
}: DrainOptions): Promise<DrainOutcome> {
  const deadline = performance.now() + boundMs;
  let ledger: RunLedger | undefined;
  for (;;) {
    let open: string | undefined;
    try {
      ledger = await ask();
      open = openTasks(ledger);
      if (open === undefined) return { drained: true, ledger };
    } catch (error) {
      open = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() >= deadline) return { drained: false, ledger, open };
    onProgress(open, ledger);
    await pause(intervalMs);
  }
}
