/** What an instance has done and is doing. Counters only grow; they are this instance's, not the ledger's. */
import type { Condition } from './guard/condition.ts';
import type { BreakerState } from './guard/machine.ts';

export interface ProcessorStats extends Readonly<Counters> {
  /** Undefined with `breaker: false`, and before the start. */
  readonly breaker: BreakerState | undefined;
  /** `hung`, `blocking`, `slow`, or `ok`; see the README. */
  readonly condition: Condition;
}

export interface Counters {
  /** Messages received, redelivered ones included. */
  messages: number;
  /** Frames received with them. */
  frames: number;
  /** Frames settled as processed. */
  processed: number;
  /** Frames whose deadline had passed before they could be started. */
  expired: number;
  /** Frames dead-lettered, whatever the reason. */
  deadLettered: number;
  /** Frames returned for another attempt. */
  retried: number;
  /** Of the dead-lettered and the retried: frames whose call took longer than `timeoutMs`. */
  timedOut: number;
  /** Frames of messages in hand that went back to their lane unbegun, because this instance stopped taking work. */
  handedBack: number;
  /** Frames started again because the broker did not hand out their picture. */
  again: number;
  /** Frames of messages that had been delivered before. */
  redelivered: number;
  /** Results that came after their call had timed out; ignored. */
  late: number;
  /** Messages that could not be read, dead-lettered as they were. */
  undecodable: number;
  /** Deliveries of messages in a version that is not known here; given back, to be held. */
  unsupported: number;
  /** Registrations with the registry, the first included. */
  registrations: number;
  /** Calls that have timed out and still go on. */
  overdue: number;
  /** Frames being worked now. */
  inFlight: number;
  /** Frames waiting here to be worked. */
  queued: number;
}

export function newCounters(): Counters {
  return {
    messages: 0,
    frames: 0,
    processed: 0,
    expired: 0,
    deadLettered: 0,
    retried: 0,
    timedOut: 0,
    handedBack: 0,
    again: 0,
    redelivered: 0,
    late: 0,
    undecodable: 0,
    unsupported: 0,
    registrations: 0,
    overdue: 0,
    inFlight: 0,
    queued: 0,
  };
}
