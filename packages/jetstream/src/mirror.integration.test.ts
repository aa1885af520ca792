import { startProxy, type TcpProxy, until } from '@frame-buffer/testkit';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { connect } from './connect.ts';
import { type Bench, openBench } from './fixtures/bench.ts';
import { JsonBucket } from './json-bucket.ts';
import { Mirror } from './mirror.ts';

const schema = z.object({ n: z.int() });
type Record = z.infer<typeof schema>;

let bench: Bench;
let proxy: TcpProxy;
/** What the mirrors use; the keys are changed by another connection. */
let nc: NatsConnection;
let kvm: Kvm;
const mirrors: Mirror<Record>[] = [];
const invalid: string[] = [];

beforeAll(async () => {
  bench = await openBench();
  proxy = await startProxy({ target: bench.broker.url });
  nc = await connect({ servers: proxy.url, name: 'mirrors' });
  kvm = new Kvm(await bench.connect());
});

afterAll(async () => {
  for (const mirror of mirrors) mirror.stop();
  await nc.close();
  await proxy.close();
  await bench[Symbol.asyncDispose]();
});

async function makeBucket(name: string, ttl = 0): Promise<{ kv: KV; bucket: JsonBucket<Record> }> {
  const kv = await kvm.create(name, { history: 1, ...(ttl > 0 ? { ttl, markerTTL: 10_000 } : {}) });
  const onInvalid = (key: string) => invalid.push(key);
  return { kv, bucket: await JsonBucket.open<Record>({ nc, bucket: name, schema, onInvalid }) };
}

async function follow(bucket: JsonBucket<Record>) {
  const mirror = await Mirror.of(bucket);
  mirrors.push(mirror);
  const changes: string[] = [];
  mirror.onChange((key, stored) => changes.push(`${key}=${stored?.value.n ?? 'gone'}`));
  return { mirror, changes };
}

const contents = (mirror: Mirror<Record>) => Object.fromEntries([...mirror.entries()].map(([key, { n }]) => [key, n]));
const put = (kv: KV, key: string, n: number) => kv.put(key, JSON.stringify({ n }));

test('mirror - the initial contents are complete, without what was deleted', async () => {
  const { kv, bucket } = await makeBucket('initial');
  for (let n = 0; n < 100; n++) await put(kv, `k${n}`, n);
  for (let n = 0; n < 100; n += 3) await kv.delete(`k${n}`);
  for (let n = 1; n < 100; n += 3) await kv.purge(`k${n}`);
  const { mirror, changes } = await follow(bucket);
  const expected = Array.from({ length: 33 }, (_, i) => 3 * i + 2);
  expect([...mirror.values()].map(({ n }) => n)).toEqual(expected);
  expect(mirror.size).toBe(33);
  expect(mirror.isCurrent).toBe(true);
  expect(mirror.get('k2')).toEqual({ n: 2 });
  expect(mirror.stored('k2')).toMatchObject({ key: 'k2', revision: 3 });
  expect(changes).toEqual([]);
});

test.each([
  ['an empty bucket', async () => {}],
  [
    'a bucket with nothing but deletions',
    async (kv: KV) => {
      await put(kv, 'k', 1);
      await kv.delete('k');
    },
  ],
])('mirror - is complete for %s', async (what, prepare) => {
  const { kv, bucket } = await makeBucket(what.replaceAll(' ', '-'));
  await prepare(kv);
  const { mirror } = await follow(bucket);
  expect(mirror.size).toBe(0);
  await put(kv, 'later', 2);
  await until(() => mirror.get('later'), { what: 'the first key' });
});

test('mirror - follows puts and deletions, each told once and in order', async () => {
  const { kv, bucket } = await makeBucket('followed');
  const { mirror, changes } = await follow(bucket);
  await put(kv, 'a', 1);
  await put(kv, 'b', 2);
  await put(kv, 'a', 3);
  await kv.delete('b');
  await kv.delete('never-there');
  await put(kv, 'a', 3);
  await until(() => changes.length >= 5, { what: 'the changes' });
  expect(changes).toEqual(['a=1', 'b=2', 'a=3', 'b=gone', 'a=3']);
  expect(contents(mirror)).toEqual({ a: 3 });
});

test('mirror - sees a key expire, and a put prolong it', async () => {
  const { kv, bucket } = await makeBucket('expiring', 1_000);
  const { mirror, changes } = await follow(bucket);
  await put(kv, 'dies', 1);
  await put(kv, 'lives', 1);
  const beat = setInterval(() => void put(kv, 'lives', 1), 200);
  await until(() => changes.includes('dies=gone'), { what: 'the expiry' });
  clearInterval(beat);
  expect(mirror.get('dies')).toBeUndefined();
  expect(mirror.get('lives')).toEqual({ n: 1 });
  expect(changes).not.toContain('lives=gone');
  await until(() => changes.includes('lives=gone'), { what: 'the other, when nobody prolongs it' });
  // The broker's marker of an expired key is no record.
  expect(invalid).toEqual([]);
});

test('mirror - an invalid record is as a missing one, and mends', async () => {
  const { kv, bucket } = await makeBucket('invalid');
  await kv.put('a', 'no json');
  await put(kv, 'b', 1);
  const { mirror, changes } = await follow(bucket);
  expect(contents(mirror)).toEqual({ b: 1 });
  await kv.put('b', '{"n":"text"}');
  await put(kv, 'a', 2);
  await until(() => mirror.get('a'), { what: 'the mended record' });
  expect(changes).toEqual(['b=gone', 'a=2']);
  expect(invalid.splice(0)).toEqual(['a', 'b']);
});

test('mirror - K2 makes up for what changed while it was cut off, also where no trace is left', async () => {
  const { kv, bucket } = await makeBucket('cut-off');
  for (const [n, key] of ['kept', 'changed', 'deleted', 'vanished'].entries()) await put(kv, key, n);
  const { mirror, changes } = await follow(bucket);
  expect(mirror.size).toBe(4);
  await proxy.cut();
  await until(() => !mirror.isCurrent, { what: 'the loss' });
  expect(mirror.size).toBe(4);
  await put(kv, 'changed', 10);
  await put(kv, 'changed', 11);
  await kv.delete('deleted');
  await bench.jsm.streams.purge('KV_cut-off', { filter: '$KV.cut-off.vanished' });
  await put(kv, 'new', 12);
  await proxy.resume();
  await until(() => mirror.isCurrent, { what: 'everything to be read anew' });
  expect(contents(mirror)).toEqual({ kept: 0, changed: 11, new: 12 });
  expect(changes.toSorted()).toEqual(['changed=11', 'deleted=gone', 'new=12', 'vanished=gone']);
});

test('mirror - goes on after the broker was killed, keys that expired meanwhile included', async () => {
  const { kv, bucket } = await makeBucket('killed', 1_000);
  const { kv: plainKv, bucket: plainBucket } = await makeBucket('killed-too');
  await put(kv, 'dies', 1);
  await put(plainKv, 'lives', 1);
  const { mirror } = await follow(bucket);
  const { mirror: plain } = await follow(plainBucket);
  await bench.outage();
  await until(() => mirror.isCurrent && plain.isCurrent, { what: 'both to be read anew', timeoutMs: 10_000 });
  await until(() => mirror.size === 0, { what: 'the expiry' });
  expect(contents(plain)).toEqual({ lives: 1 });
  await until(() => put(plainKv, 'later', 2), { what: 'the writer to be back' });
  await until(() => plain.get('later'), { what: 'a change after the restart' });
});

test('mirror - goes on when the broker froze for longer than its heartbeats', async () => {
  const { kv, bucket } = await makeBucket('frozen');
  await put(kv, 'a', 1);
  const { mirror, changes } = await follow(bucket);
  await bench.freeze();
  await until(() => !mirror.isCurrent, { what: 'the silence to be noticed' });
  bench.thaw();
  await put(kv, 'b', 2);
  await until(() => mirror.isCurrent, { what: 'everything to be read anew' });
  expect(contents(mirror)).toEqual({ a: 1, b: 2 });
  expect(changes).toEqual(['b=2']);
});

test('mirror - goes on when its consumer was deleted', async () => {
  const { kv, bucket } = await makeBucket('deleted');
  const { mirror } = await follow(bucket);
  for await (const { name } of bench.jsm.consumers.list('KV_deleted'))
    await bench.jsm.consumers.delete('KV_deleted', name);
  await put(kv, 'a', 1);
  await until(() => mirror.get('a'), { what: 'the change' });
});

test('mirror - a bucket that was lost and made anew is another one, even where revisions agree', async () => {
  const { kv, bucket } = await makeBucket('anew');
  await put(kv, 'a', 1);
  await put(kv, 'b', 2);
  const { mirror, changes } = await follow(bucket);
  await kv.destroy();
  const again = await kvm.create('anew', { history: 1 });
  await put(again, 'a', 10);
  await until(() => mirror.get('a')?.n === 10, { what: 'the contents of the new bucket' });
  expect(contents(mirror)).toEqual({ a: 10 });
  expect(changes).toEqual(['a=10', 'b=gone']);
});

test('mirror - after stop nothing is told, and the broker forgets the watch', async () => {
  const { kv, bucket } = await makeBucket('stopped');
  const { mirror, changes } = await follow(bucket);
  mirror.stop();
  await put(kv, 'a', 1);
  await nc.flush();
  expect(changes).toEqual([]);
  expect(mirror.isCurrent).toBe(false);
  await until(async () => (await bench.jsm.streams.info('KV_stopped')).state.consumer_count === 0, {
    what: 'the consumer to be gone',
    timeoutMs: 20_000,
  });
});
