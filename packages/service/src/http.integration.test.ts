import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { promisify } from 'node:util';
import { createMetrics, silentLogger } from '@frame-buffer/telemetry';
import { expect, test } from 'vitest';
import { createHttpServer } from './http.ts';
import { PortError } from './port-error.ts';

function server() {
  return createHttpServer({
    identity: { service: 'sample', instance: 'sample-1', version: '1.2.3', startedAt: new Date() },
    log: silentLogger,
    metrics: createMetrics({ service: 'sample', processMetrics: false }),
  });
}

const host = '127.0.0.1';

test('port 0 - listens on a free port and says which', async () => {
  const http = server();
  const { port } = await http.listen({ host, port: 0 });
  expect(port).toBeGreaterThan(0);
  expect((await fetch(`http://${host}:${port}/health`)).status).toBe(200);
  await http.close();
});

test('T4 a taken port - the error says which, and what to set', async () => {
  const holder = createServer().listen(0, host);
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const error = await server()
    .listen({ host, port })
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PortError);
  expect(error).toMatchObject({
    code: 'port_taken',
    port,
    message: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
  });
  expect((error as PortError).message).toMatch(/FRAME_BUFFER_PORT.*--port-base/);
  holder.close();
});

test('an address of another machine - the error names the variable', async () => {
  const error = await server()
    .listen({ host: '192.0.2.1', port: 0 })
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'host_unusable', message: expect.stringContaining('FRAME_BUFFER_HOST') });
});

test('bytes that are no HTTP - are refused, the server lives on', async () => {
  const http = server();
  const { port } = await http.listen({ host, port: 0 });
  const socket = connect(port, host).resume();
  socket.end('\u0000\u0001 garbage\r\n\r\n');
  await once(socket, 'close');
  expect((await fetch(`http://${host}:${port}/health`)).status).toBe(200);
  await http.close();
});

test('T1 T3 a body above the bound - a client that goes on sending it still reads the 413', async () => {
  const http = server();
  const { port } = await http.listen({ host, port: 0 });
  // A process of its own: within one, the answer always happens to be read first.
  const client = `
    const body = 'x'.repeat(9 * 1024 * 1024);
    const answers = [];
    for (let i = 0; i < 30; i++) {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch('http://${host}:${port}/health', { method: 'POST', headers, body }).catch((error) => error);
      answers.push(answer.status ?? answer.cause?.code ?? String(answer));
    }
    console.log(JSON.stringify([...new Set(answers)]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', client]);
  expect(JSON.parse(stdout)).toEqual([413]);
  await http.close();
});

test('close - is not held up by an idle keep-alive connection', async () => {
  const http = server();
  const { port } = await http.listen({ host, port: 0 });
  await (await fetch(`http://${host}:${port}/health`)).json();
  await http.close();
  await expect(fetch(`http://${host}:${port}/health`)).rejects.toThrow();
});
