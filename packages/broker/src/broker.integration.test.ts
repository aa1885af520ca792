import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BrokerOptions, startBroker } from './broker.ts';

let folder: string;
let options: BrokerOptions;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'frame-buffer-broker-'));
  options = { env: process.env, storeDir: join(folder, 'store') };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the server says of itself to a client that connects. */
async function info(port: number): Promise<unknown> {
  const socket = connect(port, '127.0.0.1');
  try {
    let text = '';
    while (!text.includes('\r\n')) text += String((await once(socket, 'data'))[0]);
    return JSON.parse(text.slice('INFO '.length));
  } finally {
    socket.destroy();
  }
}

function isAlive(pid: number): boolean {
  try {
    // A dead child that was not collected yet still has an entry.
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('B1 a started broker accepts clients, with JetStream and the sizes that were asked for', async () => {
  await using broker = await startBroker({ ...options, serverName: 'cam-hall', jetstreamMaxFile: 64 * 1024 * 1024 });
  expect(broker.url).toBe(`nats://127.0.0.1:${broker.port}`);
  expect(await info(broker.port)).toMatchObject({ server_name: 'cam-hall', max_payload: 8_388_608, jetstream: true });
  expect(broker.logTail()).toMatch(/Max Storage:\s+64.00 MB/);
});

test('B1 a configuration that the server refuses: its own words, no child, and the store is free again', async () => {
  const failing = startBroker({ ...options, overrides: { jetstream: { max_file_store: 'plenty' } } });
  await expect(failing).rejects.toMatchObject({
    code: 'exited_early',
    message: expect.stringMatching(/The end of its log:\n.*max_file_store/),
  });
  await using broker = await startBroker(options);
  expect(broker.port).toBeGreaterThan(0);
});

test('B1 a server that never gets ready is killed', async () => {
  const mute = join(folder, 'mute');
  writeFileSync(mute, '#!/bin/sh\necho "$$" > "$PID_FILE"; echo waiting for godot >&2; exec sleep 60\n', {
    mode: 0o755,
  });
  process.env['PID_FILE'] = join(folder, 'pid');
  const failing = startBroker({ ...options, env: { NATS_SERVER_BIN: mute }, startTimeoutMs: 400 });
  await expect(failing).rejects.toMatchObject({ code: 'start_timeout', message: expect.stringContaining('godot') });
  expect(isAlive(Number(readFileSync(join(folder, 'pid'), 'utf8')))).toBe(false);
});

test('B2 a store that another server has open is refused, and free after that server stopped', async () => {
  await using broker = await startBroker(options);
  await expect(startBroker(options)).rejects.toMatchObject({
    code: 'store_in_use',
    message: expect.stringContaining(`process ${broker.pid}`),
  });
  expect(await info(broker.port)).toMatchObject({ jetstream: true });
  await broker.stop();
  await using next = await startBroker(options);
  expect(next.pid).not.toBe(broker.pid);
});

test('B2 a store whose server was killed can be opened again', async () => {
  const broker = await startBroker(options);
  broker.kill('SIGKILL');
  expect(await broker.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await using next = await startBroker(options);
  expect(await info(next.port)).toMatchObject({ jetstream: true });
});

test('a taken port is told by code, and the store is free again', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(startBroker({ ...options, port })).rejects.toMatchObject({ code: 'port_unavailable' });
  other.close();
  await once(other, 'close');
  await using broker = await startBroker({ ...options, port });
  expect(broker.port).toBe(port);
});

test('a store that cannot be a folder is told by code', async () => {
  writeFileSync(join(folder, 'file'), '');
  const failing = startBroker({ ...options, storeDir: join(folder, 'file/store') });
  await expect(failing).rejects.toMatchObject({ code: 'store_unusable' });
});

test('B3 restart comes back on the same port, also after a crash', async () => {
  await using broker = await startBroker(options);
  const { port, pid, url } = broker;
  broker.kill('SIGKILL');
  await broker.exited;
  await broker.restart();
  expect({ port: broker.port, url: broker.url }).toEqual({ port, url });
  expect(broker.pid).not.toBe(pid);
  expect(await info(port)).toMatchObject({ jetstream: true });
  await broker.restart();
  expect(await info(port)).toMatchObject({ jetstream: true });
});

test.skipIf(process.platform !== 'linux')(
  'a frozen broker answers again after SIGCONT, and can be stopped while frozen',
  async () => {
    await using broker = await startBroker(options);
    broker.kill('SIGSTOP');
    const answer = info(broker.port);
    let answered = false;
    void answer.then(() => {
      answered = true;
    });
    await expect.poll(() => /^State:\s*T/m.test(readFileSync(`/proc/${broker.pid}/status`, 'utf8'))).toBe(true);
    expect(answered).toBe(false);
    broker.kill('SIGCONT');
    expect(await answer).toMatchObject({ jetstream: true });

    broker.kill('SIGSTOP');
    await broker.stop();
    // By itself: not killed after a grace period.
    expect(await broker.exited).toMatchObject({ signal: null });
  },
);

test.skipIf(process.platform !== 'linux')('B4 the server dies with a parent that is killed', async () => {
  const script = `import { startBroker } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))};
    const broker = await startBroker({ env: process.env, storeDir: ${JSON.stringify(options.storeDir)} });
    console.log(broker.pid);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(line);
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => isAlive(pid)).toBe(false);
  await using broker = await startBroker(options);
  expect(existsSync(join(broker.storeDir, 'jetstream'))).toBe(true);
});

test('stop is idempotent', async () => {
  const broker = await startBroker(options);
  await Promise.all([broker.stop(), broker.stop()]);
  await broker.stop();
  expect(isAlive(broker.pid)).toBe(false);
});
