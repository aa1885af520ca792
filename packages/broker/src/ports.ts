/** Ports: is one free, and which one did the server choose. */

import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { BrokerError } from './errors.ts';

/** Short against the 13–35 ms that a server takes to start. */
const POLL_MS = 5;

/**
 * Tells a taken port before a server is started on it, by code rather than by the server's words.
 * @throws BrokerError `port_unavailable`
 */
export async function assertPortFree(host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const probe = createServer();
  probe.once('error', (cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EADDRINUSE' ? 'another process listens on it' : cause.message;
    reject(new BrokerError('port_unavailable', `Port ${port} on ${host} cannot be used: ${why}.`, { cause }));
  });
  probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  await promise;
}

/**
 * Waits for `<name>_<pid>.ports`, which the server writes once it listens. The folder must hold no other.
 * Rejects with the signal's reason when aborted.
 */
export async function waitForPortsFile(folder: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    const file = (await readdir(folder)).find((name) => name.endsWith('.ports'));
    const port = file === undefined ? undefined : parsePort(await readFile(join(folder, file), 'utf8'));
    if (port !== undefined) return port;
    await wait(POLL_MS, undefined, { signal });
  }
}

/** `{"nats":["nats://127.0.0.1:4222"]}`; undefined while the file is half written. */
function parsePort(text: string): number | undefined {
  try {
    const ports: unknown = JSON.parse(text);
    if (typeof ports !== 'object' || ports === null || !('nats' in ports) || !Array.isArray(ports.nats))
      return undefined;
    const [first]: unknown[] = ports.nats;
    return typeof first === 'string' ? Number(new URL(first).port) : undefined;
  } catch {
    return undefined;
  }
}
