import { setImmediate as turn } from 'node:timers/promises';
import { until } from '@frame-buffer/testkit';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Delivery } from './delivery.ts';
import { type Bench, openBench, text } from './fixtures/bench.ts';
import { Publisher } from './publisher.ts';
import { PullLoop, type PullLoopOptions } from './pull-loop.ts';

let bench: Bench;
let nc: NatsConnection;
let publisher: Publisher;
const loops: PullLoop[] = [];

beforeAll(async () => {
  bench = await openBench();
  nc = await bench.connect();
  publisher = new Publisher(await bench.connect());
});

afterAll(async () => {
  await Promise.all(loops.map((loop) => loop.stop()));
  await bench[Symbol.asyncDispose]();
});

function startLoop(stream: string, options: Partial<PullLoopOptions> & Pick<PullLoopOptions, 'want' | 'onMessage'>) {
  const loop = new PullLoop({ nc, stream, durable: 'work', ...options });
  loops.push(loop);
  return loop;
}

async function fill(stream: string, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => publisher.publish(`${stream}.a`, text(`${i}`))));
}

async function makeQueue(name: string, count = 0, config: Parameters<Bench['durable']>[2] = {}): Promise<void> {
  await bench.stream(name, { retention: 'workqueue' });
  await bench.durable(name, 'work', config);
  await fill(name, count);
}

/** Counts at the broker, by a client that only listens: what was asked for, has come, and was handed back. */
async function listenIn(stream: string, client: string): Promise<{ outstanding: () => number; highest: () => number }> {
  const spy = await bench.connect();
  let outstanding = 0;
  let highest = 0;
  spy.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${stream}.work`, {
    callback: (_error, message) => {
      outstanding += message.json<{ batch: number }>().batch;
      highest = Math.max(highest, outstanding);
    },
  });
  spy.subscribe(`_INBOX.${client}.>`, {
    callback: (_error, message) => {
      if (message.headers === undefined || message.headers.code === 0) outstanding -= 1;
      else outstanding -= Number(message.headers.get('Nats-Pending-Messages') || 0);
    },
  });
  await spy.flush();
  return { outstanding: () => outstanding, highest: () => highest };
}

test('pull loop - L1 never asks for more than is wanted, and for enough', async () => {
  await makeQueue('BOUNDED', 2_000);
  const client = await bench.connect('bounded');
  const broker = await listenIn('BOUNDED', 'bounded');
  const held: Delivery[] = [];
  let seen = 0;
  let mostHeld = 0;
  const loop = startLoop('BOUNDED', {
    nc: client,
    want: () => 10 - held.length,
    onMessage: (delivery) => {
      seen += 1;
      held.push(delivery);
      mostHeld = Math.max(mostHeld, held.length);
    },
  });
  while (seen < 2_000) {
    await turn();
    // A worker of uneven pace.
    for (let n = seen % 7; n >= 0; n--) held.shift()?.ack();
    loop.poke();
  }
  for (const delivery of held.splice(0)) delivery.ack();
  expect(mostHeld).toBeLessThanOrEqual(10);
  expect(broker.highest()).toBeLessThanOrEqual(10);
  expect(broker.highest()).toBe(10);
  await until(() => bench.messages('BOUNDED'), { what: 'all acks', is: (count) => count === 0 });
});

test('pull loop - the account is right after requests expired, however the broker served them', async () => {
  await makeQueue('EXPIRING', 0);
  const client = await bench.connect('expiring');
  const broker = await listenIn('EXPIRING', 'expiring');
  let want = 10;
  let seen = 0;
  const loop = startLoop('EXPIRING', {
    nc: client,
    want: () => want,
    onMessage: (delivery) => {
      seen += 1;
      delivery.ack();
    },
  });
  expect(loop.onTheWay).toBe(10);
  // Two requests wait at the broker, which serves them in turn.
  want = 30;
  loop.poke();
  expect(loop.onTheWay).toBe(30);
  await nc.flush();
  want = 0;
  await fill('EXPIRING', 12);
  await until(() => seen === 12, { what: 'the messages' });
  expect(loop.onTheWay).toBe(18);
  await until(() => loop.onTheWay === 0, { what: 'both requests to expire', timeoutMs: 8_000 });
  await until(() => broker.outstanding() === 0, { what: 'the broker to agree' });
  want = 7;
  loop.poke();
  expect(loop.onTheWay).toBe(7);
  await until(() => broker.outstanding() === 7, { what: 'the broker to agree' });
});

test('pull loop - 0 pauses, a poke resumes', async () => {
  await makeQueue('PAUSED', 20);
  let want = 0;
  const seen: string[] = [];
  const loop = startLoop('PAUSED', {
    want: () => want,
    onMessage: (delivery) => {
      seen.push(Buffer.from(delivery.data).toString());
      delivery.ack();
      want -= 1;
    },
  });
  expect(loop.onTheWay).toBe(0);
  want = 5;
  loop.poke();
  await until(() => seen.length === 5, { what: 'five messages' });
  expect(want).toBe(0);
  expect(loop.onTheWay).toBe(0);
  want = 15;
  loop.poke();
  await until(() => seen.length === 20, { what: 'the rest' });
  expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
});

test('pull loop - two loops share one durable, each message goes to one', async () => {
  await makeQueue('SHARED', 1_000);
  const seen: [string[], string[]] = [[], []];
  for (const mine of seen) {
    startLoop('SHARED', {
      nc: await bench.connect(),
      want: () => 20,
      onMessage: (delivery) => {
        mine.push(Buffer.from(delivery.data).toString());
        delivery.ack();
      },
    });
  }
  await until(() => seen[0].length + seen[1].length >= 1_000, { what: 'all messages' });
  expect(new Set([...seen[0], ...seen[1]]).size).toBe(1_000);
  expect(Math.min(seen[0].length, seen[1].length)).toBeGreaterThan(0);
});

test('pull loop - L2 a consumer that is missing is reported, and used once it is there', async () => {
  await bench.stream('MISSING', { retention: 'workqueue' });
  const states: string[] = [];
  let seen = 0;
  startLoop('MISSING', { want: () => 5, onMessage: () => (seen += 1), onState: (state) => states.push(state) });
  await until(() => states.length > 0, { what: 'the report' });
  expect(states).toEqual(['missing']);
  await bench.durable('MISSING', 'work');
  await fill('MISSING', 3);
  await until(() => seen === 3, { what: 'the messages' });
  expect(states).toEqual(['missing', 'ok']);
});

test('pull loop - L2 a consumer that is deleted is reported, and pulled from again when it is back', async () => {
  await makeQueue('DELETED');
  const states: string[] = [];
  const seen: number[] = [];
  const loop = startLoop('DELETED', {
    want: () => 5,
    onMessage: (delivery) => {
      seen.push(delivery.streamSequence);
      delivery.ack();
    },
    onState: (state) => states.push(state),
  });
  await fill('DELETED', 1);
  await until(() => seen.length === 1, { what: 'the first message' });
  await bench.jsm.consumers.delete('DELETED', 'work');
  await until(() => states.includes('deleted'), { what: 'the report' });
  await until(() => states.includes('missing'), { what: 'the next attempt' });
  await fill('DELETED', 4);
  await bench.durable('DELETED', 'work');
  // The acknowledgement of the first one may have come after the deletion: then it is delivered once more.
  await until(() => new Set(seen).size, { what: 'the rest', is: (different) => different === 5 });
  expect(states).toEqual(['deleted', 'missing', 'ok']);
  expect(loop.onTheWay).toBeLessThanOrEqual(5);
});

test('pull loop - a request that the broker refuses is reported with its words', async () => {
  await makeQueue('PICKY', 3, { max_batch: 2 });
  const states: string[] = [];
  let want = 5;
  let seen = 0;
  startLoop('PICKY', {
    want: () => want,
    onMessage: () => (seen += 1),
    onState: (state, detail) => states.push(`${state} ${detail}`),
  });
  await until(() => states.length > 0, { what: 'the report' });
  expect(states[0]).toMatch(/^refused .*MaxRequestBatch/);
  want = 2;
  await until(() => seen === 3, { what: 'the messages, asked for in small portions' });
});

test('pull loop - L3 after stop nothing is delivered, and nothing that was sent is lost', async () => {
  const total = 3_000;
  // So long an ack wait that what got lost on the way would stay away for the whole test.
  await makeQueue('STOPPED', total, { ack_wait: 60e9 });
  const seen = new Map<string, number>();
  let redelivered = 0;
  const take = (delivery: Delivery) => {
    const id = Buffer.from(delivery.data).toString();
    seen.set(id, (seen.get(id) ?? 0) + 1);
    if (delivery.deliveries > 1) redelivered += 1;
    delivery.ack();
  };
  let stops = 0;
  while (seen.size < total - 500) {
    const stopAfter = 1 + Math.floor(Math.random() * 100);
    let mine = 0;
    let stopped = false;
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    const loop = startLoop('STOPPED', {
      want: () => 64,
      onMessage: (delivery) => {
        expect(stopped).toBe(false);
        mine += 1;
        take(delivery);
        if (mine === stopAfter) resolve();
      },
    });
    await reached;
    await loop.stop();
    stopped = true;
    stops += 1;
  }
  startLoop('STOPPED', { want: () => 64, onMessage: take });
  await until(() => seen.size === total, { what: 'every message, without waiting for redelivery' });
  expect(stops).toBeGreaterThan(10);
  expect(redelivered).toBe(0);
  await until(() => bench.messages('STOPPED'), { what: 'all acks', is: (count) => count === 0 });
});

test('pull loop - a second stop waits for the first', async () => {
  await makeQueue('TWICE');
  const loop = startLoop('TWICE', { want: () => 5, onMessage: () => {} });
  const first = loop.stop();
  expect(loop.stop()).toBe(first);
  await first;
  loop.poke();
  expect(loop.onTheWay).toBe(0);
});

test('pull loop - many messages', async () => {
  await makeQueue('FAST', 50_000, { max_ack_pending: 4_096 });
  let seen = 0;
  startLoop('FAST', {
    want: () => 1_024,
    onMessage: (delivery) => {
      seen += 1;
      delivery.ack();
    },
  });
  await until(() => seen >= 50_000, { what: '50 000 messages', timeoutMs: 20_000 });
  await until(() => bench.messages('FAST'), { what: 'all acks', is: (count) => count === 0 });
  expect(seen).toBe(50_000);
});

test('delivery - nak and working mean to the broker what they say', async () => {
  await makeQueue('ANSWERED', 1, { ack_wait: 600e6 });
  const deliveries: { count: number; at: number }[] = [];
  startLoop('ANSWERED', {
    want: () => 1,
    onMessage: (delivery) => {
      const count = deliveries.push({ count: delivery.deliveries, at: performance.now() });
      if (count === 1) delivery.nak();
      else if (count === 2) delivery.nak(300);
      else if (count === 3) {
        // Twice the ack wait, with a word in between.
        let words = 0;
        const timer = setInterval(() => {
          words += 1;
          if (words < 6) delivery.working();
          else {
            clearInterval(timer);
            delivery.ack();
          }
        }, 200);
      }
    },
  });
  await until(() => bench.messages('ANSWERED'), { what: 'the ack', is: (count) => count === 0 });
  expect(deliveries.map(({ count }) => count)).toEqual([1, 2, 3]);
  const [first, second, third] = deliveries.map(({ at }) => at);
  expect((second ?? 0) - (first ?? 0)).toBeLessThan(300);
  expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(295);
});
