/** What the broker says about a delivery in its reply subject. */

export interface DeliveryInfo {
  /** 1 for the first delivery. */
  readonly deliveries: number;
  readonly streamSequence: number;
  /** Counts the deliveries of this consumer, from 1. */
  readonly consumerSequence: number;
  /** When the broker stored the message: milliseconds since 1970, with fraction. */
  readonly stampedAtMs: number;
  /** Messages that the consumer had yet to deliver after this one. */
  readonly pending: number;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<stamp>.<pending>`; from server 2.15 on `<domain>` and
 * `<account hash>` stand before the stream, and more tokens may follow. Source: NATS ADR-15.
 */
export function parseAckSubject(subject: string): DeliveryInfo {
  const tokens = subject.split('.');
  const at = tokens.length >= 11 ? 6 : 4;
  return {
    deliveries: Number(tokens[at]),
    streamSequence: Number(tokens[at + 1]),
    consumerSequence: Number(tokens[at + 2]),
    stampedAtMs: Number(tokens[at + 3]) / 1e6,
    pending: Number(tokens[at + 4]),
  };
}
