import { until } from '@frame-buffer/testkit';
import { DiscardPolicy, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, openBench, text } from './fixtures/bench.ts';
import { Publisher, type PublisherOptions, type PublishTrouble } from './publisher.ts';

const MAX_PAYLOAD = 2 * 1024 * 1024;
let bench: Bench;
let nc: NatsConnection;
const publishers: Publisher[] = [];

beforeAll(async () => {
  bench = await openBench({ maxPayload: MAX_PAYLOAD });
  nc = await bench.connect();
});

afterAll(async () => {
  for (const publisher of publishers) publisher.close();
  await bench[Symbol.asyncDispose]();
});

function makePublisher(options: PublisherOptions = {}, connection = nc): Publisher {
  const publisher = new Publisher(connection, options);
  publishers.push(publisher);
  return publisher;
}

/** A subject that a test answers on by itself, in place of a stream. */
function answerBy(subject: string): { asked: string[]; answer(n: number, body: string): void } {
  const asked: string[] = [];
  const replies: string[] = [];
  nc.subscribe(subject, {
    callback: (_error, message) => {
      asked.push(message.string());
      replies.push(message.reply ?? '');
    },
  });
  return { asked, answer: (n, body) => nc.publish(replies[n] ?? '', body) };
}

const ACK = '{"stream":"BY-HAND","seq":7}';

test('publisher - P1 ends each publish by its own PubAck', async () => {
  await bench.stream('COUNTED');
  const publisher = makePublisher();
  const results = await Promise.all(
    Array.from({ length: 5_000 }, (_, i) => publisher.publish('COUNTED.a', text(`${i}`))),
  );
  expect(results.map((result) => result.ok && result.sequence)).toEqual(Array.from({ length: 5_000 }, (_, i) => i + 1));
  const last = await bench.jsm.streams.getMessage('COUNTED', { seq: 4_321 });
  expect(last?.string()).toBe('4320');
  expect(publisher.pending).toBe(0);
  expect(publisher.pendingBytes).toBe(0);
});

test('publisher - the same id is stored once, and says so', async () => {
  await bench.stream('DEDUPED');
  const publisher = makePublisher();
  const first = await publisher.publish('DEDUPED.a', text('x'), { msgId: 'one' });
  const again = await publisher.publish('DEDUPED.b', text('x'), { msgId: 'one' });
  expect(first).toEqual({ ok: true, sequence: 1, duplicate: false });
  expect(again).toEqual({ ok: true, sequence: 1, duplicate: true });
  expect(await bench.messages('DEDUPED')).toBe(1);
});

test('publisher - headers arrive, are not changed, and cannot break out of their line', async () => {
  await bench.stream('HEADED');
  const publisher = makePublisher();
  const headers = Object.freeze({ 'Fb-Error': 'two\r\nlines', 'Fb-Camera': 'über' });
  await publisher.publish('HEADED.a', text('x'), { msgId: 'id', headers });
  const stored = await bench.jsm.streams.getMessage('HEADED', { seq: 1 });
  expect(stored?.header.get('Fb-Error')).toBe('two lines');
  expect(stored?.header.get('Fb-Camera')).toBe('über');
  await expect(publisher.publish('HEADED.a', text('x'), { headers: { 'no good': 'x' } })).rejects.toThrow(
    'header name',
  );
  expect(publisher.pending).toBe(0);
});

test('publisher - a full subject is queue_full, a full stream is stream_full', async () => {
  const refusing = { discard: DiscardPolicy.New };
  await bench.stream('QUEUES', { ...refusing, max_msgs_per_subject: 1, discard_new_per_subject: true, max_msgs: 3 });
  await bench.stream('BYTES', { ...refusing, max_bytes: 1_000 });
  const troubles: PublishTrouble[] = [];
  const publisher = makePublisher({ onTrouble: (trouble) => troubles.push(trouble) });
  const reasonOf = async (subject: string, payload: Uint8Array) => {
    const result = await publisher.publish(subject, payload);
    return result.ok ? 'ok' : result.reason;
  };

  expect(await reasonOf('QUEUES.a', text('x'))).toBe('ok');
  expect(await reasonOf('QUEUES.a', text('x'))).toBe('queue_full');
  expect(await reasonOf('QUEUES.b', text('x'))).toBe('ok');
  expect(await reasonOf('QUEUES.c', text('x'))).toBe('ok');
  expect(await reasonOf('QUEUES.d', text('x'))).toBe('stream_full');
  expect(await reasonOf('BYTES.a', Buffer.alloc(600))).toBe('ok');
  expect(await reasonOf('BYTES.a', Buffer.alloc(600))).toBe('stream_full');
  expect(troubles.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
    'refused QUEUES.a',
    'refused QUEUES.d',
    'refused BYTES.a',
  ]);
});

test('publisher - a refused id is not used up', async () => {
  await bench.stream('REFUSED', { discard: DiscardPolicy.New, max_msgs_per_subject: 1, discard_new_per_subject: true });
  const publisher = makePublisher();
  await publisher.publish('REFUSED.a', text('x'), { msgId: '1' });
  expect(await publisher.publish('REFUSED.a', text('y'), { msgId: '2' })).toMatchObject({ reason: 'queue_full' });
  await bench.jsm.streams.deleteMessage('REFUSED', 1, false);
  expect(await publisher.publish('REFUSED.a', text('y'), { msgId: '2' })).toMatchObject({ ok: true, duplicate: false });
});

test('publisher - too large for the broker is refused with both numbers, headers counted', async () => {
  await bench.stream('LARGE', { max_msg_size: 1_500_000 });
  const publisher = makePublisher();
  const result = await publisher.publish('LARGE.a', Buffer.alloc(MAX_PAYLOAD + 1));
  expect(result).toEqual({
    ok: false,
    reason: 'too_large',
    detail: `${MAX_PAYLOAD + 1} bytes are more than the broker's max_payload of ${MAX_PAYLOAD}`,
  });
  const withHeaders = publisher.publish('LARGE.a', Buffer.alloc(MAX_PAYLOAD - 10), { msgId: 'over-by-its-headers' });
  expect(await withHeaders).toMatchObject({ ok: false, reason: 'too_large' });
  const forStream = publisher.publish('LARGE.a', Buffer.alloc(1_600_000));
  expect(await forStream).toMatchObject({ ok: false, reason: 'too_large' });
  expect(publisher.pending).toBe(0);
});

test('publisher - the largest message that the broker takes is not refused', async () => {
  await bench.stream('LARGEST');
  const publisher = makePublisher();
  const headerBytes = 'NATS/1.0\r\nNats-Msg-Id: id\r\n\r\n'.length;
  const exact = publisher.publish('LARGEST.a', Buffer.alloc(MAX_PAYLOAD - headerBytes), { msgId: 'id' });
  expect(await exact).toMatchObject({ ok: true });
  const over = publisher.publish('LARGEST.a', Buffer.alloc(MAX_PAYLOAD - headerBytes + 1), { msgId: 'id' });
  expect(await over).toMatchObject({ reason: 'too_large' });
});

test('publisher - P3 bounds the count in flight; others wait their turn, in order', async () => {
  const line = answerBy('by-count');
  const publisher = makePublisher({ maxInFlight: 2 });
  const ended: number[] = [];
  const all = [0, 1, 2, 3, 4].map(async (n) => {
    await publisher.publish('by-count', text(`${n}`));
    ended.push(n);
  });
  await until(() => line.asked.length === 2, { what: 'the first two' });
  await nc.flush();
  expect(line.asked).toEqual(['0', '1']);
  expect(publisher.pending).toBe(5);

  line.answer(1, ACK);
  await until(() => line.asked.length === 3, { what: 'the next one' });
  for (let n = 0; n < 5; n++) {
    await until(() => line.asked.length > n, { what: `message ${n}` });
    line.answer(n, ACK);
  }
  await Promise.all(all);
  expect(line.asked).toEqual(['0', '1', '2', '3', '4']);
  expect(ended).toEqual([1, 0, 2, 3, 4]);
});

test('publisher - P3 bounds the bytes in flight; one message may be larger than the bound', async () => {
  const line = answerBy('by-bytes');
  const publisher = makePublisher({ maxInFlightBytes: 1_000 });
  const sizes = [600, 600, 5_000, 300];
  const all = Promise.all(sizes.map((size) => publisher.publish('by-bytes', Buffer.alloc(size))));
  for (let n = 0; n < sizes.length; n++) {
    await until(() => line.asked.length > n, { what: `message ${n}` });
    await nc.flush();
    // Each of them excludes the next.
    expect(line.asked).toHaveLength(n + 1);
    expect(publisher.pendingBytes).toBe(sizes[n]);
    line.answer(n, ACK);
  }
  await all;
  expect(publisher.pendingBytes).toBe(0);
});

test('publisher - waits for a stream that does not exist yet, and asks again soon', async () => {
  const troubles: string[] = [];
  const publisher = makePublisher({ onTrouble: ({ kind }) => troubles.push(kind) });
  const result = publisher.publish('LATER.a', text('x'), { msgId: 'id' });
  await until(() => troubles.length >= 2, { what: 'two attempts, far sooner than the ack timeout', timeoutMs: 2_000 });
  await bench.stream('LATER');
  expect(await result).toMatchObject({ ok: true, sequence: 1 });
  expect(new Set(troubles)).toEqual(new Set(['unavailable']));
  // 100 ms, doubling, up to 2 s: neither a storm nor a nap.
  expect(troubles.length).toBeLessThan(20);
  expect(await bench.messages('LATER')).toBe(1);
});

test('publisher - P2 repeats under the same id what got no answer', async () => {
  const line = answerBy('unanswered');
  const troubles: string[] = [];
  const publisher = makePublisher({ ackTimeoutMs: 150, onTrouble: ({ kind }) => troubles.push(kind) });
  const result = publisher.publish('unanswered', text('x'), { msgId: 'id' });
  await until(() => line.asked.length >= 3, { what: 'two repeats' });
  line.answer(2, ACK);
  expect(await result).toMatchObject({ ok: true, sequence: 7 });
  expect(troubles.every((kind) => kind === 'repeated')).toBe(true);
});

test('publisher - P1 does not take the answer of a stranger for a PubAck', async () => {
  const line = answerBy('stranger');
  const publisher = makePublisher();
  const results = ['hello', '{}', 'null', '{"ok":true}'].map(() => publisher.publish('stranger', text('x')));
  await until(() => line.asked.length === 4, { what: 'the requests' });
  ['hello', '{}', 'null', '{"ok":true}'].forEach((body, n) => {
    line.answer(n, body);
  });
  for (const result of results) expect(await result).toMatchObject({ ok: false, reason: 'refused' });
});

test('publisher - close ends what is pending, and what comes after', async () => {
  const line = answerBy('closing');
  const publisher = makePublisher({ maxInFlight: 1 });
  const pending = [publisher.publish('closing', text('sent')), publisher.publish('closing', text('waiting'))];
  const settled = publisher.settled();
  await until(() => line.asked.length === 1, { what: 'the first' });
  publisher.close();
  for (const result of await Promise.all(pending)) expect(result).toMatchObject({ ok: false, reason: 'closed' });
  expect(await publisher.publish('closing', text('late'))).toMatchObject({ ok: false, reason: 'closed' });
  await settled;
  expect(publisher.pending).toBe(0);
});

test('publisher - the end of its connection closes it', async () => {
  const own = await bench.connect();
  const publisher = makePublisher({}, own);
  answerBy('connection-ends');
  const pending = publisher.publish('connection-ends', text('x'));
  await own.close();
  expect(await pending).toMatchObject({ reason: 'closed' });
  expect(await publisher.publish('connection-ends', text('x'))).toMatchObject({ reason: 'closed' });
});

test('publisher - settled waits for everything, and not at all when there is nothing', async () => {
  await bench.stream('SETTLED');
  const publisher = makePublisher({ maxInFlight: 3 });
  await publisher.settled();
  let ended = 0;
  for (let i = 0; i < 50; i++) void publisher.publish('SETTLED.a', text('x')).then(() => (ended += 1));
  await publisher.settled();
  expect(publisher.pending).toBe(0);
  await nc.flush();
  expect(ended).toBe(50);
});

test('publisher - 100 000 that wait are all stored, in the order of the calls', async () => {
  await bench.stream('MANY');
  const publisher = makePublisher();
  const results = await Promise.all(
    Array.from({ length: 100_000 }, (_, i) => publisher.publish('MANY.a', text(`${i}`))),
  );
  expect(results.every((result, i) => result.ok && result.sequence === i + 1)).toBe(true);
  expect(await bench.messages('MANY')).toBe(100_000);
});

test("publisher - asks for answers below the connection's own inbox prefix", async () => {
  const own = await bench.connect('prefixed');
  const seen: string[] = [];
  nc.subscribe('prefix-check', { callback: (_error, message) => void seen.push(message.reply ?? '') });
  await nc.flush();
  const publisher = makePublisher({}, own);
  void publisher.publish('prefix-check', text('x'));
  await until(() => seen.length > 0, { what: 'the request' });
  expect(seen[0]).toMatch(/^_INBOX\.prefixed\./);
});

test('publisher - the control: awaited js.publish stores the same', async () => {
  await bench.stream('CONTROL');
  await jetstream(nc).publish('CONTROL.a', 'x', { msgID: 'id' });
  const publisher = makePublisher();
  expect(await publisher.publish('CONTROL.a', text('x'), { msgId: 'id' })).toMatchObject({ duplicate: true });
});
