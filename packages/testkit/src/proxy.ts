/**
 * A TCP proxy that fails on command: the network between two parts, in the hands of a test. Guarantees:
 *
 *   P1  `url` stays the same through every fault; bytes are never changed, reordered or dropped within a connection.
 *   P2  `cut()` resets what is connected, and refuses new connections (as when the host is down).
 *   P3  `stall()` keeps connections open, also new ones, but nothing flows (as when a cable is pulled).
 *   P4  `resume()` ends both; stalled connections continue where they stood.
 */

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyOptions {
  /** `host:port`, or a URL with both. */
  readonly target: string;
  /** Delay of each direction in ms. Default 0. */
  readonly latencyMs?: number;
}

export interface TcpProxy {
  /** The target's URL, or `host:port`, with the proxy's address in place of the target's. */
  readonly url: string;
  readonly port: number;
  /** Open client connections. */
  connections(): number;
  cut(): Promise<void>;
  stall(): void;
  resume(): Promise<void>;
  /** For bytes that arrive from now on. */
  setLatency(ms: number): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const HOST = '127.0.0.1';

export async function startProxy(options: ProxyOptions): Promise<TcpProxy> {
  const target = parseTarget(options.target);
  const line: Line = { latencyMs: options.latencyMs ?? 0, stalled: false, sockets: new Set() };
  let clients = 0;

  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    clients += 1;
    client.once('close', () => {
      clients -= 1;
    });
    join(line, client, upstream);
    join(line, upstream, client);
  });
  const port = await listen(server, 0);

  const cut = async (): Promise<void> => {
    for (const socket of line.sockets) socket.resetAndDestroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };

  return {
    url: target.format(`${HOST}:${port}`),
    port,
    connections: () => clients,
    cut,
    stall() {
      line.stalled = true;
      for (const socket of line.sockets) socket.pause();
    },
    async resume() {
      line.stalled = false;
      for (const socket of line.sockets) socket.resume();
      if (!server.listening) await listen(server, port);
    },
    setLatency(ms) {
      line.latencyMs = ms;
    },
    close: cut,
    [Symbol.asyncDispose]: cut,
  };
}

interface Line {
  latencyMs: number;
  stalled: boolean;
  readonly sockets: Set<Socket>;
}

/** One direction. Its end, or its failure, becomes the other side's. */
function join(line: Line, from: Socket, to: Socket): void {
  line.sockets.add(from);
  if (line.stalled) from.pause();
  let due = 0;
  // In the order of arrival, whatever the latency was changed to meanwhile.
  const later = (act: () => void): void => {
    due = Math.max(due, performance.now() + line.latencyMs);
    const ms = due - performance.now();
    if (ms <= 0) act();
    else setTimeout(act, ms);
  };
  from.on('data', (chunk) => {
    later(() => {
      if (to.destroyed) return;
      if (to.write(chunk)) return;
      from.pause();
      to.once('drain', () => {
        if (!line.stalled) from.resume();
      });
    });
  });
  from.on('end', () => later(() => to.end()));
  from.on('error', () => to.resetAndDestroy());
  from.on('close', () => line.sockets.delete(from));
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return address.port;
}

interface Target {
  readonly host: string;
  readonly port: number;
  format(address: string): string;
}

function parseTarget(text: string): Target {
  const isUrl = text.includes('://');
  const url = new URL(isUrl ? text : `tcp://${text}`);
  const port = Number(url.port);
  if (!(port > 0)) throw new Error(`The proxy's target "${text}" has no port`);
  return {
    host: url.hostname,
    port,
    format(address) {
      if (!isUrl) return address;
      // Not by URL.host, which other schemes than http do not let one change.
      return text.replace(url.host, address);
    },
  };
}
