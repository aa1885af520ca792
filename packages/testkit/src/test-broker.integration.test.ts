import { existsSync } from 'node:fs';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { startTestBroker } from './test-broker.ts';
import { until } from './until.ts';

test('startTestBroker - stored messages survive a crash, and clients come back by themselves', async () => {
  await using broker = await startTestBroker();
  const nc = await broker.connect({ reconnectTimeWait: 20, maxReconnectAttempts: -1 });
  // Short: a request that was written into the dying connection is never answered.
  const jsm = await jetstreamManager(nc, { timeout: 250 });
  await jsm.streams.add({ name: 'notes', subjects: ['notes.>'] });
  await jetstream(nc).publish('notes.one', 'kept');

  const { pid } = broker;
  broker.kill('SIGKILL');
  await broker.exited;
  await broker.restart();
  expect(broker.pid).not.toBe(pid);

  const message = await until(() => jsm.streams.getMessage('notes', { seq: 1 }), { what: 'the stored message' });
  expect(message?.string()).toBe('kept');
});

test('startTestBroker - at the end of its scope nothing is left', async () => {
  let storeDir: string;
  let nc: Awaited<ReturnType<Awaited<ReturnType<typeof startTestBroker>>['connect']>>;
  {
    await using broker = await startTestBroker();
    storeDir = broker.storeDir;
    nc = await broker.connect();
    expect(existsSync(storeDir)).toBe(true);
  }
  expect(nc.isClosed()).toBe(true);
  expect(existsSync(storeDir)).toBe(false);
});
