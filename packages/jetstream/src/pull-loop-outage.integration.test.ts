import { setTimeout as wait } from 'node:timers/promises';
import { startProxy, until } from '@frame-buffer/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from './connect.ts';
import type { Delivery } from './delivery.ts';
import { type Bench, openBench, text } from './fixtures/bench.ts';
import { Publisher } from './publisher.ts';
import { PullLoop } from './pull-loop.ts';

let bench: Bench;
let publisher: Publisher;

beforeAll(async () => {
  bench = await openBench();
  publisher = new Publisher(await bench.connect());
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

async function makeQueue(name: string): Promise<void> {
  await bench.stream(name, { retention: 'workqueue' });
  await bench.durable(name, 'work', { ack_wait: 2e9 });
}

/** Ids so that a repeat after an outage is not a second message. */
function publishFrom(stream: string, from: number, count: number): Promise<unknown> {
  const ids = Array.from({ length: count }, (_, i) => `${stream}-${from + i}`);
  return Promise.all(ids.map((id) => publisher.publish(`${stream}.a`, text(id), { msgId: id })));
}

async function startLoop(stream: string, nc?: Awaited<ReturnType<typeof connect>>) {
  const seen = new Set<string>();
  const states: string[] = [];
  let mostOnTheWay = 0;
  const loop: PullLoop = new PullLoop({
    nc: nc ?? (await bench.connect()),
    stream,
    durable: 'work',
    want: () => 10,
    onMessage: (delivery: Delivery) => {
      seen.add(Buffer.from(delivery.data).toString());
      delivery.ack();
      mostOnTheWay = Math.max(mostOnTheWay, loop.onTheWay);
    },
    onState: (state) => states.push(state),
  });
  return { loop, seen, states, mostOnTheWay: () => mostOnTheWay };
}

test('pull loop outage - L2 goes on after the broker was killed', async () => {
  await makeQueue('KILLED');
  const { loop, seen, mostOnTheWay } = await startLoop('KILLED');
  await publishFrom('KILLED', 0, 100);
  await until(() => seen.size === 100, { what: 'the first hundred' });
  await bench.outage(() => wait(3_000));
  await publishFrom('KILLED', 100, 100);
  await until(() => seen.size === 200, { what: 'the second hundred', timeoutMs: 10_000 });
  expect(mostOnTheWay()).toBeLessThanOrEqual(10);
  await until(() => bench.messages('KILLED'), { what: 'all acks', is: (count) => count === 0, timeoutMs: 10_000 });
  await loop.stop();
});

test('pull loop outage - L2 a frozen broker is reported, and goes on at once when it thaws', async () => {
  await makeQueue('FROZEN');
  const { loop, seen, states } = await startLoop('FROZEN');
  await publishFrom('FROZEN', 0, 10);
  await until(() => seen.size === 10, { what: 'the first ten' });
  await bench.freeze();
  await until(() => states.includes('silent'), { what: 'the report' });
  const later = publishFrom('FROZEN', 10, 100);
  bench.thaw();
  await later;
  await until(() => seen.size === 110, { what: 'the rest' });
  expect(states.slice(0, 2)).toEqual(['silent', 'ok']);
  expect(loop.onTheWay).toBeLessThanOrEqual(10);
  await loop.stop();
});

test('pull loop outage - L1 holds when the connection breaks but the broker remembers the requests', async () => {
  await makeQueue('CUT');
  await using proxy = await startProxy({ target: bench.broker.url });
  const nc = await connect({ servers: proxy.url, name: 'cut-off' });
  let disconnects = 0;
  void (async () => {
    for await (const { type } of nc.status()) if (type === 'disconnect') disconnects += 1;
  })();
  const { loop, seen } = await startLoop('CUT', nc);
  for (let cut = 1; cut <= 3; cut++) {
    await until(() => loop.onTheWay === 10, { what: 'a request' });
    await nc.flush();
    await proxy.cut();
    await until(() => disconnects === cut, { what: 'the loss' });
    await proxy.resume();
    await until(async () => (await bench.jsm.consumers.info('CUT', 'work')).num_waiting === 1, {
      what: 'the earlier requests to be forgotten by the broker',
      timeoutMs: 10_000,
    });
  }
  await publishFrom('CUT', 0, 50);
  await until(() => seen.size === 50, { what: 'the messages' });
  await loop.stop();
  await nc.close();
});

test('pull loop outage - stop does not wait for ever for a frozen broker', async () => {
  await makeQueue('STUCK');
  const { loop } = await startLoop('STUCK');
  await until(() => loop.onTheWay > 0, { what: 'a request' });
  await bench.freeze();
  const began = performance.now();
  await loop.stop();
  expect(performance.now() - began).toBeLessThan(6_000);
  bench.thaw();
});

test('pull loop outage - stop while the broker is away', async () => {
  await makeQueue('GONE');
  const { loop } = await startLoop('GONE');
  await bench.outage(async () => {
    await loop.stop();
  });
  expect(loop.onTheWay).toBe(0);
});
