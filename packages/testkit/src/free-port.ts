/**
 * A TCP port on 127.0.0.1 that was free a moment ago. Somebody else may take it before it is used: prefer letting the
 * server choose (port 0 or -1), and use this only where the port must be known before the server starts.
 */

import { once } from 'node:events';
import { createServer } from 'node:net';

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return address.port;
}
