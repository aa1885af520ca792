import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Bench, openBench } from './fixtures/bench.ts';
import { JsonBucket } from './json-bucket.ts';

const schema = z.object({ n: z.int() });
type Record = z.infer<typeof schema>;

let bench: Bench;
let nc: NatsConnection;
let kvm: Kvm;

beforeAll(async () => {
  bench = await openBench();
  nc = await bench.connect();
  kvm = new Kvm(await bench.connect());
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

async function makeBucket(name: string, ttl = 0) {
  const kv = await kvm.create(name, { history: 1, ...(ttl > 0 ? { ttl, markerTTL: 10_000 } : {}) });
  const invalid: string[] = [];
  const bucket = await JsonBucket.open<Record>({
    nc,
    bucket: name,
    schema,
    onInvalid: (key, detail) => invalid.push(`${key}: ${detail}`),
  });
  return { kv, bucket, invalid };
}

test('bucket - a bucket that does not exist is bucket_missing', async () => {
  const attempt = JsonBucket.open({ nc, bucket: 'nowhere', schema });
  await expect(attempt).rejects.toMatchObject({ code: 'bucket_missing', retryable: true });
});

test('bucket - put, get, delete', async () => {
  const { bucket } = await makeBucket('plain');
  expect(await bucket.get('a.b')).toBeUndefined();
  expect(await bucket.put('a.b', { n: 1 })).toBe(1);
  expect(await bucket.get('a.b')).toEqual({ key: 'a.b', value: { n: 1 }, revision: 1 });
  await bucket.delete('a.b');
  expect(await bucket.get('a.b')).toBeUndefined();
});

test('bucket - create writes only where nothing is, or no longer anything', async () => {
  const { bucket } = await makeBucket('created');
  expect(await bucket.create('k', { n: 1 })).toEqual({ ok: true, revision: 1 });
  expect(await bucket.create('k', { n: 2 })).toEqual({ ok: false, reason: 'conflict' });
  await bucket.delete('k');
  expect(await bucket.create('k', { n: 3 })).toEqual({ ok: true, revision: 3 });
  expect((await bucket.get('k'))?.value).toEqual({ n: 3 });
});

test('bucket - update writes only on the revision that was read', async () => {
  const { bucket } = await makeBucket('updated');
  await bucket.put('other', { n: 0 });
  const revision = await bucket.put('k', { n: 1 });
  const written = await bucket.update('k', { n: 2 }, revision);
  expect(written).toEqual({ ok: true, revision: 3 });
  const conflict = { ok: false, reason: 'conflict' };
  expect(await bucket.update('k', { n: 9 }, revision)).toEqual(conflict);
  expect(await bucket.update('k', { n: 9 }, 77)).toEqual(conflict);
  expect(await bucket.update('k', { n: 9 }, 0)).toEqual(conflict);
  expect(await bucket.update('nothing', { n: 9 }, 3)).toEqual(conflict);
  await bucket.delete('k');
  expect(await bucket.update('k', { n: 9 }, 3)).toEqual(conflict);
});

test('bucket - of many who create or update at once, one succeeds', async () => {
  const { bucket } = await makeBucket('raced');
  const racers = Array.from({ length: 20 }, (_, n) => n);
  const created = await Promise.all(racers.map((n) => bucket.create('k', { n })));
  expect(created.filter(({ ok }) => ok)).toHaveLength(1);
  const updated = await Promise.all(racers.map((n) => bucket.update('k', { n }, 1)));
  expect(updated.filter(({ ok }) => ok)).toHaveLength(1);
});

test('bucket - create after expiry', async () => {
  const { bucket } = await makeBucket('expired', 1_000);
  const following = await bucket.watch((_key, stored) => (stored === undefined ? gone.resolve() : undefined));
  const gone = Promise.withResolvers<void>();
  await bucket.create('k', { n: 1 });
  expect(await bucket.create('k', { n: 2 })).toMatchObject({ ok: false });
  await gone.promise;
  expect(await bucket.get('k')).toBeUndefined();
  expect(await bucket.create('k', { n: 3 })).toMatchObject({ ok: true });
  following.stop();
});

test('bucket - an invalid record is reported, read as absent, and left alone', async () => {
  const { kv, bucket, invalid } = await makeBucket('invalid');
  await kv.put('bad', '{"n":"text"}');
  await kv.put('worse', 'no json');
  await bucket.put('good', { n: 1 });
  expect(await bucket.get('bad')).toBeUndefined();
  expect(await bucket.get('worse')).toBeUndefined();
  expect(invalid).toHaveLength(2);
  expect(invalid[0]).toMatch(/^bad: /);
  expect(invalid[1]).toBe('worse: no JSON');
  expect(await bucket.create('bad', { n: 2 })).toMatchObject({ ok: false });
  expect((await bucket.all()).map(({ key }) => key)).toEqual(['good']);
  expect((await kv.get('bad'))?.string()).toBe('{"n":"text"}');
});

test('bucket - all shows what is there, also when there is nothing', async () => {
  const { bucket } = await makeBucket('listed');
  expect(await bucket.all()).toEqual([]);
  for (let n = 0; n < 50; n++) await bucket.put(`k.${n}`, { n });
  for (let n = 0; n < 50; n += 2) await bucket.delete(`k.${n}`);
  const all = await bucket.all();
  expect(all.map(({ value }) => value.n)).toEqual(Array.from({ length: 25 }, (_, i) => 2 * i + 1));
  for (let n = 1; n < 50; n += 2) await bucket.delete(`k.${n}`);
  expect(await bucket.all()).toEqual([]);
});

test.each(['', '.a', 'a.', 'a b', 'a*', '>'])('bucket - %j is no key', async (key) => {
  const { bucket } = await makeBucket('keys');
  const isInvalid = { code: 'invalid_key', retryable: false };
  await expect(bucket.get(key)).rejects.toMatchObject(isInvalid);
  await expect(bucket.put(key, { n: 1 })).rejects.toMatchObject(isInvalid);
  await expect(bucket.create(key, { n: 1 })).rejects.toMatchObject(isInvalid);
  await expect(bucket.delete(key)).rejects.toMatchObject(isInvalid);
});

test('bucket - a store that does not answer is kv_unavailable, in the time given', async () => {
  const { bucket } = await makeBucket('frozen');
  await bucket.put('k', { n: 1 });
  await bench.freeze();
  try {
    const attempt = bucket.update('k', { n: 2 }, 1, { timeoutMs: 200 });
    await expect(attempt).rejects.toMatchObject({ code: 'kv_unavailable', retryable: true });
  } finally {
    bench.thaw();
  }
});
