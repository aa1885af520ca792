/** The terminal states of a task, and the reasons in use. A reason belongs to exactly one outcome. Source: design §2, §7. */
import { InvalidInputError } from './errors.ts';

export const OUTCOMES = ['processed', 'superseded', 'expired', 'shed', 'dead_lettered'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const REASONS = {
  processed: ['handled', 'acked'],
  superseded: ['newer', 'late'],
  expired: ['deadline', 'no_processor'],
  shed: ['buffer_full', 'lane_full', 'too_large', 'shutdown', 'skipped'],
  dead_lettered: ['handler_failed', 'timed_out', 'pixels_evicted', 'undecodable'],
} as const satisfies Record<Outcome, readonly string[]>;

export type Reason<O extends Outcome = Outcome> = (typeof REASONS)[O][number];

/** Beside a token's characters a reason may hold `_`. */
const REASON_TOKEN = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** For reasons that become subject tokens. Returns it, or throws `invalid_reason`. */
export function assertReason(reason: string): string {
  if (typeof reason === 'string' && REASON_TOKEN.test(reason)) return reason;
  throw new InvalidInputError('reason', 'a reason is 1 to 63 characters: a-z, 0-9, "_" and "-"');
}

/**
 * What a settlement entry says. Besides the outcomes:
 * `captured`  the gateway's PubAck for the task is in;
 * `routed`    an orchestrator's PubAck for the processor's queue is in (written for processors that do not settle);
 * `returned`  the task went back to a lane for another attempt; it frees credit and is no outcome.
 */
export const SETTLEMENT_KINDS = [...OUTCOMES, 'captured', 'routed', 'returned'] as const;
export type SettlementKind = (typeof SETTLEMENT_KINDS)[number];

export function isOutcome(kind: SettlementKind): kind is Outcome {
  return (OUTCOMES as readonly string[]).includes(kind);
}
