/** Why a broker could not be found, started or restarted. Classified by `code`; the message is for people. */

export type BrokerErrorCode =
  /** No nats-server executable anywhere that was searched. */
  | 'server_not_found'
  /** Another process listens on the port that was asked for, or this process may not bind it. */
  | 'port_unavailable'
  /** Another nats-server has the store open. */
  | 'store_in_use'
  /** The store's folder cannot be created or written. */
  | 'store_unusable'
  /** The child ended before it accepted clients; the message carries the end of its log. */
  | 'exited_early'
  /** The child lives but did not accept clients in time; it was killed. */
  | 'start_timeout';

export class BrokerError extends Error {
  readonly code: BrokerErrorCode;

  constructor(code: BrokerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BrokerError';
    this.code = code;
  }
}
