import { freePort, startTestBroker, until } from '@frame-buffer/testkit';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterEach, expect, test } from 'vitest';
import { connect, watchConnection } from './connect.ts';

const open: NatsConnection[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((nc) => nc.close()));
});

async function connected(options: Parameters<typeof connect>[0]): Promise<NatsConnection> {
  const nc = await connect(options);
  open.push(nc);
  return nc;
}

test('connect - waits for a broker that starts later, and says for what', async () => {
  const port = await freePort();
  const waiting: string[] = [];
  const pending = connected({
    servers: `nats://user:secret@127.0.0.1:${port}`,
    name: 'early',
    onWaiting: ({ code, message }) => waiting.push(`${code} ${message}`),
  });
  await until(() => waiting.length > 0, { what: 'a failed attempt' });
  expect(waiting[0]).toContain('broker_unreachable');
  expect(waiting[0]).toContain(`127.0.0.1:${port}`);
  expect(waiting[0]).not.toContain('secret');
  await using _broker = await startTestBroker({ port });
  const nc = await pending;
  await nc.flush();
  expect((nc as { options?: { name?: string } }).options?.name).toBe('early');
});

test('connect - a clear error when firstConnectMs has passed, not later', async () => {
  const port = await freePort();
  const began = performance.now();
  const attempt = connect({ servers: `127.0.0.1:${port}`, name: 'nobody', firstConnectMs: 800 });
  await expect(attempt).rejects.toMatchObject({ code: 'broker_unreachable', retryable: true });
  expect(performance.now() - began).toBeLessThan(2_000);
});

test('connect - a signal ends the waiting, and so does what onWaiting throws', async () => {
  const servers = `127.0.0.1:${await freePort()}`;
  const stop = new AbortController();
  const attempt = connect({ servers, name: 'stopped', signal: stop.signal, onWaiting: () => stop.abort() });
  await expect(attempt).rejects.toThrow('aborted');
  const other = connect({
    servers,
    name: 'stopped',
    onWaiting: () => {
      throw new Error('enough');
    },
  });
  await expect(other).rejects.toThrow('enough');
});

test('connect - wrong credentials are an error at once, without the password in it', async () => {
  await using broker = await startTestBroker({ overrides: { authorization: { user: 'u', password: 'right' } } });
  const servers = broker.url.replace('//', '//u:wrong@');
  const error = await connect({ servers, name: 'stranger' }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'broker_denied', retryable: false });
  expect(String(error)).not.toContain('wrong');
});

test.each(['', 'nats://', 'nats://host:port', 'http://a b'])('connect - %j is no address', async (servers) => {
  await expect(connect({ servers, name: 'lost' })).rejects.toMatchObject({ code: 'invalid_broker_url' });
});

test('connect - a name that is no token is refused', async () => {
  await expect(connect({ servers: 'localhost', name: 'a.b' })).rejects.toMatchObject({ code: 'invalid_name' });
});

test('connect - comes back after a restart of the broker on its port, and tells', async () => {
  await using broker = await startTestBroker();
  const nc = await connected({ servers: broker.url, name: 'faithful' });
  const events: string[] = [];
  const watch = watchConnection(nc, {
    disconnected: () => events.push('disconnected'),
    reconnected: () => events.push('reconnected'),
  });
  for (let i = 1; i <= 2; i++) {
    await broker.restart();
    await until(() => events.length === 2 * i, { what: 'the connection to be back' });
  }
  expect(events).toEqual(['disconnected', 'reconnected', 'disconnected', 'reconnected']);
  await nc.flush();
  watch.stop();
  await broker.restart();
  await until(() => nc.flush().then(() => true), { what: 'the connection to be back' });
  expect(events).toHaveLength(4);
});
