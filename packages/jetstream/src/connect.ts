/**
 * A connection that survives its broker: named, with a private inbox prefix, reconnecting for ever with jitter.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { assertToken, FrameBufferError } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect as connectTransport, errors } from '@nats-io/transport-node';

export interface ConnectOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly servers: string;
  /** Shown by `nats server report connections`; also the inbox prefix `_INBOX.<name>`, so that permissions can tell clients apart. */
  readonly name: string;
  /** Give up connecting for the first time after so many milliseconds; 0 (the default) waits for ever. */
  readonly firstConnectMs?: number;
  /** Told of each failed attempt while nobody answers. What it throws ends the waiting. */
  readonly onWaiting?: (error: FrameBufferError) => void;
  /** Ends the waiting for the first connection with its reason. */
  readonly signal?: AbortSignal;
}

const ATTEMPT_MS = 2_000;
const RETRY_MS = 500;

/**
 * Throws `broker_unreachable` (retryable) when `firstConnectMs` has passed; at once `broker_denied` when the broker does not
 * accept the credentials, and `invalid_broker_url`.
 */
export async function connect(options: ConnectOptions): Promise<NatsConnection> {
  const name = assertToken('connection name', options.name);
  const servers = parseServers(options.servers);
  const limitMs = options.firstConnectMs ?? 0;
  const deadline = limitMs > 0 ? performance.now() + limitMs : Number.POSITIVE_INFINITY;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      return await connectTransport({
        servers,
        name,
        inboxPrefix: `_INBOX.${name}`,
        timeout: Math.min(ATTEMPT_MS, Math.max(1, deadline - performance.now())),
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 250,
        // Credentials that are being changed under us are no reason to give up.
        ignoreAuthErrorAbort: true,
        pingInterval: 10_000,
        maxPingOut: 2,
      });
    } catch (cause) {
      const error = toError(cause, options.servers);
      if (!error.retryable || performance.now() + RETRY_MS >= deadline) throw error;
      options.onWaiting?.(error);
      await wait(RETRY_MS, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(() => {});
    }
  }
}

function parseServers(text: string): string[] {
  const servers = text
    .split(',')
    .map((server) => server.trim())
    .filter((server) => server !== '');
  if (servers.length > 0 && servers.every(hasHost)) return servers;
  throw new FrameBufferError(
    'invalid_broker_url',
    `${redact(text)} is no address of a nats-server: use nats://host:4222`,
  );
}

function hasHost(server: string): boolean {
  const url = server.includes('://') ? server : `nats://${server}`;
  return URL.canParse(url) && new URL(url).hostname !== '';
}

function toError(cause: unknown, servers: string): FrameBufferError {
  if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError)
    return new FrameBufferError('broker_denied', `the nats-server at ${redact(servers)} does not let us in`, { cause });
  return new FrameBufferError(
    'broker_unreachable',
    `no nats-server answers at ${redact(servers)}: start one, or set FRAME_BUFFER_NATS_URL`,
    { retryable: true, cause },
  );
}

function redact(servers: string): string {
  return servers.replaceAll(/\/\/[^@/,]*@/g, '//***@');
}

/** Calls back when the connection is lost and when it is there again, until it is closed. */
export function watchConnection(
  nc: NatsConnection,
  on: { disconnected?: () => void; reconnected?: () => void },
): { stop(): void } {
  const status = nc.status();
  void (async () => {
    for await (const { type } of status) {
      if (type === 'disconnect') on.disconnected?.();
      if (type === 'reconnect') on.reconnected?.();
    }
  })();
  return { stop: () => (status as { stop?: () => void }).stop?.() };
}

/** The connection's own inbox prefix: permissions may allow no other. */
export function inboxPrefix(nc: NatsConnection): string {
  const options = (nc as { options?: { inboxPrefix?: string } }).options;
  return options?.inboxPrefix ?? '_INBOX';
}
