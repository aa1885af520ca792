/** The ledger of this run: the tasks whose epochs began with it. */
import { type Ledger, ledgerSchema, OUTCOMES } from '@frame-buffer/protocol';
import { CallError, call } from './http.ts';
import { at } from './reading.ts';

export interface RunLedger extends Ledger {
  /** The health-monitor could not balance its books lately. */
  readonly stale: boolean;
}

/** The health-monitor waits for up to 8 s for a fresh balance. */
const FRESH_TIMEOUT_MS = 12_000;

/** A balance that begins after the question. @throws CallError */
export async function readFreshLedger(healthMonitor: string, sinceMs: number): Promise<RunLedger> {
  const url = `${healthMonitor}/api/v1/ledger?since=${sinceMs}&fresh=true`;
  const answer = await call(url, { timeoutMs: FRESH_TIMEOUT_MS });
  const ledger = ledgerSchema.safeParse(answer);
  if (!ledger.success) throw new CallError(`GET ${url} answered something else than a ledger`, 200, ledger.error);
  return { ...ledger.data, stale: at(answer, 'stale') === true };
}

/** Captured tasks that have an outcome. */
export function settledTasks({ ledger }: Pick<Ledger, 'ledger'>): number {
  return OUTCOMES.reduce((sum, outcome) => sum + ledger[outcome], 0);
}

/** What is still to be waited for, in words; undefined when every task has its outcome, and the books can prove it. */
export function openTasks(ledger: RunLedger): string | undefined {
  const { captured, in_flight, unaccounted } = ledger.ledger;
  if (ledger.stale) return 'the ledger is behind';
  if (in_flight > 0) return `${in_flight} in flight`;
  if (unaccounted > 0) return `${unaccounted} unaccounted for`;
  const settling = captured - settledTasks(ledger);
  if (settling > 0) return `${settling} settling`;
  return ledger.exact ? undefined : 'the ledger is an estimate';
}
