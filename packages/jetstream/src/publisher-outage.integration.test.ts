import { setTimeout as wait } from 'node:timers/promises';
import { startProxy, until } from '@frame-buffer/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from './connect.ts';
import { type Bench, openBench, text } from './fixtures/bench.ts';
import { Publisher, type PublishResult } from './publisher.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

/** Publishes numbered messages until told to stop; the stream must then hold each of them exactly once. */
function startWriter(publisher: Publisher, subject: string) {
  const results: Promise<PublishResult>[] = [];
  const timer = setInterval(() => {
    for (let i = 0; i < 20; i++) {
      const id = `${results.length}`;
      results.push(publisher.publish(subject, text(id), { msgId: id }));
    }
  }, 5);
  return {
    count: () => results.length,
    async stop() {
      clearInterval(timer);
      return Promise.all(results);
    },
  };
}

async function expectOnceEach(stream: string, results: readonly PublishResult[]): Promise<void> {
  expect(results.filter((result) => !result.ok)).toEqual([]);
  expect(results.length).toBeGreaterThan(100);
  const sequences = new Set(results.map((result) => (result.ok ? result.sequence : 0)));
  expect(sequences.size).toBe(results.length);
  expect(await bench.messages(stream)).toBe(results.length);
}

test('publisher outage - SIGKILL: everything ends ok and is stored once', async () => {
  await bench.stream('KILLED');
  const nc = await bench.connect();
  const publisher = new Publisher(nc);
  const writer = startWriter(publisher, 'KILLED.a');
  await until(() => writer.count() > 200, { what: 'a beginning' });
  await bench.outage(async () => {
    const before = writer.count();
    await until(() => !publisher.connected && writer.count() > before + 500, {
      what: 'more, while the broker is away',
    });
    await wait(2_000); // An outage of several seconds: reconnecting takes longer then.
  });
  const after = writer.count();
  await until(() => writer.count() > after + 500, { what: 'more, after the broker is back' });
  await expectOnceEach('KILLED', await writer.stop());
  publisher.close();
});

test('publisher outage - a frozen broker: ok and once, and no copies pile up in front of it', async () => {
  await bench.stream('FROZEN');
  const nc = await bench.connect();
  const publisher = new Publisher(nc, { ackTimeoutMs: 200, maxInFlight: 50 });
  const writer = startWriter(publisher, 'FROZEN.a');
  await until(() => writer.count() > 200, { what: 'a beginning' });
  await bench.freeze();
  await until(() => publisher.pending > 100, { what: 'messages that wait' });
  const sentBefore = nc.stats().outMsgs;
  await wait(2_000); // Ten ack timeouts.
  // P4: at most what fits into the line, not the line ten times over.
  expect(nc.stats().outMsgs - sentBefore).toBeLessThanOrEqual(50);
  bench.thaw();
  await expectOnceEach('FROZEN', await writer.stop());
  publisher.close();
});

test('publisher outage - answers that are lost with the connection: duplicates, not doubles', async () => {
  await bench.stream('CUT');
  await using proxy = await startProxy({ target: bench.broker.url });
  const nc = await connect({ servers: proxy.url, name: 'behind-proxy' });
  const publisher = new Publisher(nc);
  const writer = startWriter(publisher, 'CUT.a');
  for (let cut = 0; cut < 3; cut++) {
    const before = writer.count();
    await until(() => writer.count() > before + 200, { what: 'traffic' });
    await proxy.cut();
    await until(() => !publisher.connected, { what: 'the loss' });
    await proxy.resume();
    await until(() => publisher.connected, { what: 'the connection' });
  }
  await expectOnceEach('CUT', await writer.stop());
  await nc.close();
});

test('publisher outage - while disconnected nothing is handed to the client, and large pictures are not refused', async () => {
  await bench.stream('AWAY');
  const nc = await bench.connect();
  const publisher = new Publisher(nc);
  const results: Promise<PublishResult>[] = [];
  await bench.outage(async () => {
    // The client forgets what it knew of the broker when it dials anew.
    await until(() => !publisher.connected && nc.info === undefined, { what: 'the loss' });
    const sent = nc.stats().outMsgs;
    results.push(publisher.publish('AWAY.a', Buffer.alloc(3_000_000), { msgId: 'large' }));
    for (let i = 0; i < 100; i++) results.push(publisher.publish('AWAY.a', Buffer.alloc(10_000), { msgId: `${i}` }));
    await wait(700); // Two attempts to reconnect.
    expect(nc.stats().outMsgs).toBe(sent);
    expect(publisher.pending).toBe(101);
  });
  for (const result of await Promise.all(results)) expect(result).toMatchObject({ ok: true });
  expect(await bench.messages('AWAY')).toBe(101);
  publisher.close();
});

test('publisher outage - a store without room: waits, and goes on when there is some', async () => {
  await using small = await openBench({ jetstreamMaxFile: 1_000_000 });
  await small.stream('FILLER');
  await small.stream('WANTED');
  const kinds: string[] = [];
  const publisher = new Publisher(await small.connect(), {
    onTrouble: ({ kind, detail }) => kinds.push(`${kind} ${detail}`),
  });
  // The server refuses once it is above its limit, not what would take it there.
  for (let i = 0; i < 2; i++) await publisher.publish('FILLER.a', Buffer.alloc(600_000));
  const result = publisher.publish('WANTED.a', Buffer.alloc(500_000), { msgId: 'id' });
  await until(() => kinds.length > 1, { what: 'two refusals for the moment' });
  expect(kinds[0]).toMatch(/^unavailable insufficient resources/);
  await small.jsm.streams.purge('FILLER');
  expect(await result).toMatchObject({ ok: true, sequence: 1 });
});
