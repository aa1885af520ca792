/** What an instance has done and is doing. Counters only grow; they are this instance's, not the ledger's. */

export interface ProcessorStats {
  /** Messages received, redelivered ones included. */
  readonly messages: number;
  /** Frames received with them. */
  readonly frames: number;
  /** Frames settled as processed. */
  readonly processed: number;
  /** Frames whose deadline had passed before they could be started. */
  readonly expired: number;
  /** Frames dead-lettered, whatever the reason. */
  readonly deadLettered: number;
  /** Of these: calls that took longer than `timeoutMs`. */
  readonly timedOut: number;
  /** Frames started again because the broker did not hand out their picture. */
  readonly again: number;
  /** Frames of messages that had been delivered before. */
  readonly redelivered: number;
  /** Results that came after their call had timed out; ignored. */
  readonly late: number;
  /** Messages that could not be read, dead-lettered as they were. */
  readonly undecodable: number;
  /** Deliveries of messages in a version that is not known here; given back, to be held. */
  readonly unsupported: number;
  /** Registrations with the registry, the first included. */
  readonly registrations: number;
  /** Frames being worked now. */
  readonly inFlight: number;
  /** Frames waiting here to be worked. */
  readonly queued: number;
}

export type Counters = { -readonly [K in keyof ProcessorStats]: number };

export function newCounters(): Counters {
  return {
    messages: 0,
    frames: 0,
    processed: 0,
    expired: 0,
    deadLettered: 0,
    timedOut: 0,
    again: 0,
    redelivered: 0,
    late: 0,
    undecodable: 0,
    unsupported: 0,
    registrations: 0,
    inFlight: 0,
    queued: 0,
  };
}
