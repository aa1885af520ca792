/** The balance of the books, as the health-monitor answers it. Counts are tasks. */
import { z } from 'zod';

const count = z.int().min(0);

export const balanceSchema = z.object({
  captured: count,
  processed: count,
  superseded: count,
  expired: count,
  shed: count,
  dead_lettered: count,
  /** Counted from what the streams hold, not by subtraction. */
  in_flight: count,
  /** Without outcome although no stream holds them, seen so in two consecutive balances. */
  unaccounted: count,
  /** Handler runs that were repeats of delivered messages. */
  redelivered: count,
});

export type Balance = z.infer<typeof balanceSchema>;

export const ledgerSchema = z.object({
  ledger: balanceSchema,
  /** Is `in_flight` counted task by task (true), or estimated from messages because there are too many? */
  exact: z.boolean(),
  /** ISO 8601: the books are complete from then on; older settlements have aged out of the stream. */
  exactSince: z.iso.datetime().optional(),
  /** Tasks whose outcome was reported differently by two writers; `processed` won. */
  conflicts: count,
  reasons: z.record(z.string(), count),
  cameras: z.record(z.string(), balanceSchema.omit({ in_flight: true, unaccounted: true, redelivered: true })),
  capabilities: z.record(z.string(), balanceSchema.omit({ in_flight: true, unaccounted: true, redelivered: true })),
});

export type Ledger = z.infer<typeof ledgerSchema>;
