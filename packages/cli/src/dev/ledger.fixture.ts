/** Ledgers for tests. */
import type { Balance } from '@frame-buffer/protocol';
import type { RunLedger } from './ledger.ts';

const NOTHING: Balance = {
  captured: 0,
  processed: 0,
  superseded: 0,
  expired: 0,
  shed: 0,
  dead_lettered: 0,
  in_flight: 0,
  unaccounted: 0,
  redelivered: 0,
};

export function balanceOf(counts: Partial<Balance>): Balance {
  return { ...NOTHING, ...counts };
}

export function ledgerOf(counts: Partial<Balance>, more: Partial<RunLedger> = {}): RunLedger {
  return {
    ledger: balanceOf(counts),
    exact: true,
    stale: false,
    conflicts: 0,
    reasons: {},
    cameras: {},
    capabilities: {},
    ...more,
  };
}
