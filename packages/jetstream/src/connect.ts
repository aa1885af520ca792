/**
 * A connection that survives its broker: named, with a private inbox prefix, reconnecting for ever with jitter.
 */

import { assertToken, FrameBufferError } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect as connectTransport } from '@nats-io/transport-node';

export interface ConnectOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly servers: string;
  /** Shown by `nats server report connections`; also the inbox prefix `_INBOX.<name>`, so that permissions can tell clients apart. */
  readonly name: string;
  /** Give up connecting for the first time after so many milliseconds; 0 waits for ever. */
  readonly firstConnectMs?: number;
  /** Told of each failed attempt while nobody answers. */
  readonly onWaiting?: (error: FrameBufferError) => void;
}

const ATTEMPT_MS = 2_000;
const RETRY_MS = 500;

/** Throws `broker_unreachable` (retryable) when `firstConnectMs` has passed. */
export async function connect(options: ConnectOptions): Promise<NatsConnection> {
  const name = assertToken('connection name', options.name);
  const began = performance.now();
  for (;;) {
    try {
      return await connectTransport({
        servers: options.servers.split(',').map((server) => server.trim()),
        name,
        inboxPrefix: `_INBOX.${name}`,
        timeout: ATTEMPT_MS,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 250,
        pingInterval: 10_000,
        maxPingOut: 2,
      });
    } catch (cause) {
      const error = new FrameBufferError(
        'broker_unreachable',
        `no nats-server answers at ${redact(options.servers)}: start one, or set FRAME_BUFFER_NATS_URL`,
        { retryable: true, cause },
      );
      const limit = options.firstConnectMs ?? 0;
      if (limit > 0 && performance.now() - began > limit) throw error;
      options.onWaiting?.(error);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
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
