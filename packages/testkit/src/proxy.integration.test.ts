import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startProxy, type TcpProxy } from './proxy.ts';
import { until } from './until.ts';

let echo: ReturnType<typeof createServer>;
let proxy: TcpProxy;
const clients: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const address = echo.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = await startProxy({ target: `nats://127.0.0.1:${address.port}` });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  echo.close();
});

/** A client that collects what comes back. */
async function dial(): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect(proxy.port, '127.0.0.1');
  clients.push(socket);
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  await once(socket, 'connect');
  return { socket, received: () => text };
}

test('proxy - passes bytes both ways, under the scheme of the target', async () => {
  expect(proxy.url).toBe(`nats://127.0.0.1:${proxy.port}`);
  const { socket, received } = await dial();
  socket.write('hello');
  await until(received, { what: 'the echo', is: (text) => text === 'hello' });
});

test('proxy - P2 cut resets connections and refuses new ones, resume takes them again on the same port', async () => {
  const { socket } = await dial();
  await until(() => proxy.connections() === 1, { what: 'the connection' });
  await proxy.cut();
  await until(() => socket.destroyed, { what: 'the client to notice' });
  const refused = connect(proxy.port, '127.0.0.1');
  const [error] = await once(refused, 'error');
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });

  await proxy.resume();
  const { socket: second, received } = await dial();
  second.write('again');
  await until(received, { what: 'the echo after the cut', is: (text) => text === 'again' });
});

test('proxy - P3 and P4: a stalled connection stays open, passes nothing, and continues', async () => {
  const { socket, received } = await dial();
  await until(() => proxy.connections() === 1, { what: 'the connection' });
  proxy.stall();
  socket.write('held');
  const flowed = until(received, { what: 'bytes through a stalled line', timeoutMs: 100 });
  await expect(flowed).rejects.toThrow('Waited 100 ms');
  expect(socket.destroyed).toBe(false);

  await proxy.resume();
  await until(received, { what: 'the held bytes', is: (text) => text === 'held' });
});

test('proxy - latency delays each direction and keeps the order', async () => {
  const { socket, received } = await dial();
  proxy.setLatency(40);
  const before = performance.now();
  socket.write('a');
  await until(received, { what: 'the echo', intervalMs: 2 });
  expect(performance.now() - before).toBeGreaterThanOrEqual(79);
  proxy.setLatency(0);
  socket.write('b');
  await until(received, { what: 'both, in order', is: (text) => text === 'ab' });
});
