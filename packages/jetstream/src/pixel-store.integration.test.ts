import { setTimeout as wait } from 'node:timers/promises';
import { HEADER, STREAM } from '@frame-buffer/protocol';
import { makeJpeg, until } from '@frame-buffer/testkit';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, openBench } from './fixtures/bench.ts';
import { PixelReader, storePicture } from './pixel-store.ts';
import { Publisher, type PublishResult } from './publisher.ts';

let bench: Bench;
let nc: NatsConnection;
let publisher: Publisher;
let reader: PixelReader;
let next = 1;

beforeAll(async () => {
  bench = await openBench();
  await bench.stream(STREAM.pixels, { subjects: ['pixels.*'], allow_direct: true });
  nc = await bench.connect();
  publisher = new Publisher(await bench.connect());
  reader = new PixelReader(nc);
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

function store(camera: string, bytes: Uint8Array, sequence = next++): Promise<PublishResult> {
  return storePicture(publisher, {
    camera,
    epoch: 1_700_000_000_000,
    sequence,
    bytes,
    width: 64,
    height: 48,
    encoding: 'jpeg',
    capturedAtMs: 1_700_000_000_123.4,
  });
}

function sequenceOf(result: PublishResult): number {
  if (!result.ok) throw new Error(result.detail);
  return result.sequence;
}

test('pixel store - a picture by its sequence, with its descriptor in the headers', async () => {
  const jpeg = await makeJpeg({ seed: 'one' });
  const sequence = sequenceOf(await store('cam1', jpeg, 41));
  const picture = await reader.get(sequence, jpeg.length);
  expect(Buffer.from(picture.bytes).equals(jpeg)).toBe(true);
  expect(picture.sequence).toBe(sequence);
  expect(Object.fromEntries(picture.headers)).toMatchObject({
    [HEADER.frame]: 'cam1.1700000000000.41',
    [HEADER.camera]: 'cam1',
    [HEADER.epoch]: '1700000000000',
    [HEADER.sequence]: '41',
    [HEADER.width]: '64',
    [HEADER.height]: '48',
    [HEADER.encoding]: 'jpeg',
    [HEADER.capturedAt]: '2023-11-14T22:13:20.123Z',
    'Nats-Subject': 'pixels.cam1',
  });
  expect(picture.headers.has(HEADER.compression)).toBe(false);
});

test('pixel store - the newest of a camera', async () => {
  for (const seed of [1, 2, 3]) await store('cam2', await makeJpeg({ seed }));
  await store('cam3', await makeJpeg({ seed: 4 }));
  const newest = await reader.newest('cam2');
  expect(Buffer.from(newest.bytes).equals(await makeJpeg({ seed: 3 }))).toBe(true);
  expect(reader.outstandingBytes).toBe(0);
});

test('pixel store - a frame stored again is stored once, under the same sequence', async () => {
  const first = await store('cam4', Buffer.from('picture'), 7);
  const again = await store('cam4', Buffer.from('picture'), 7);
  expect(again).toEqual({ ...first, duplicate: true });
});

test('pixel store - a picture that is gone is pixels_evicted, at once', async () => {
  const sequence = sequenceOf(await store('cam5', Buffer.from('picture')));
  await bench.jsm.streams.deleteMessage(STREAM.pixels, sequence, false);
  const evicted = { code: 'pixels_evicted', retryable: false };
  await expect(reader.get(sequence, 7)).rejects.toMatchObject(evicted);
  await expect(reader.get(1_000_000, 7)).rejects.toMatchObject(evicted);
  await expect(reader.newest('never-seen')).rejects.toMatchObject(evicted);
  expect(reader.outstandingBytes).toBe(0);
});

test('pixel store - above max_payload: too_large, with the number', async () => {
  const result = await store('cam6', Buffer.alloc(9 * 1024 * 1024));
  expect(result).toMatchObject({ ok: false, reason: 'too_large', detail: expect.stringContaining('8388608') });
});

test('pixel store - what is outstanding is bounded by bytes; waiting readers come in order', async () => {
  const size = 3_000_000;
  const sequences: number[] = [];
  for (let i = 0; i < 12; i++) sequences.push(sequenceOf(await store('cam7', Buffer.alloc(size, i))));
  const spy = await bench.connect();
  let asked = 0;
  spy.subscribe(`$JS.API.DIRECT.GET.${STREAM.pixels}`, {
    callback: () => {
      asked += 1;
    },
  });
  await spy.flush();
  const order: number[] = [];
  await bench.freeze();
  const reads = sequences.map(async (sequence, i) => {
    const { bytes } = await reader.get(sequence, size);
    order.push(i);
    return bytes[0];
  });
  await until(() => reader.outstandingBytes > 0, { what: 'the first requests' });
  expect(reader.outstandingBytes).toBe(5 * size);
  bench.thaw();
  const watch = setInterval(() => expect(reader.outstandingBytes).toBeLessThanOrEqual(16 * 1024 * 1024), 1);
  expect(await Promise.all(reads)).toEqual(sequences.map((_, i) => i));
  clearInterval(watch);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(asked).toBe(12);
  expect(reader.outstandingBytes).toBe(0);
});

test('pixel store - one picture may be larger than the bound', async () => {
  const sequence = sequenceOf(await store('cam8', Buffer.from('picture')));
  const reads = [reader.get(sequence, 100_000_000), reader.get(sequence, 100_000_000)];
  expect(await Promise.all(reads)).toHaveLength(2);
});

test('pixel store - a broker that is away for three seconds costs only the time', async () => {
  const jpeg = await makeJpeg({ seed: 'survivor' });
  const sequence = sequenceOf(await store('cam9', jpeg));
  let reading: Promise<unknown> = Promise.resolve();
  await bench.outage(async () => {
    reading = Promise.all([reader.get(sequence, jpeg.length), reader.newest('cam9')]);
    reading.catch(() => {});
    await wait(3_000);
  });
  expect(await reading).toMatchObject([{ sequence }, { sequence }]);
});

test('pixel store - a broker that stays away is pixels_unavailable, and the room is given back', async () => {
  await using other = await openBench();
  const client = await other.connect();
  const lonely = new PixelReader(client);
  // No stream: nobody answers.
  await expect(lonely.get(1, 1_000)).rejects.toMatchObject({ code: 'pixels_unavailable', retryable: true });
  expect(lonely.outstandingBytes).toBe(0);
});
