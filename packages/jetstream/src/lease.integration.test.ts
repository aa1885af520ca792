import { setTimeout as wait } from 'node:timers/promises';
import { until } from '@frame-buffer/testkit';
import { Kvm } from '@nats-io/kv';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Bench, openBench } from './fixtures/bench.ts';
import { JsonBucket } from './json-bucket.ts';
import { Lease, type LeaseOptions, type LeaseRecord, leaseSchema, SeenLease } from './lease.ts';

const TTL_MS = 800;

let bench: Bench;
const held: Lease[] = [];
let keys = 0;

beforeAll(async () => {
  bench = await openBench();
  await new Kvm(await bench.connect()).create('leases', { history: 1 });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(held.splice(0).map((lease) => lease.release()));
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

interface Aspirant {
  readonly options: LeaseOptions;
  readonly seen: SeenLease;
  lost: number;
  /** Ends its connection: as good as dead, as far as others can tell. */
  die(): Promise<void>;
  attempt(): Promise<Lease | undefined>;
  /** Attempts four times per TTL until it has it; errors of the broker are no reason to give up. */
  persist(options?: { forMs?: number }): Promise<Lease | undefined>;
}

async function makeAspirant(owner: string, key: string, bucket?: LeaseOptions['bucket']): Promise<Aspirant> {
  const nc = await bench.connect();
  const options: LeaseOptions = {
    bucket: bucket ?? (await JsonBucket.open({ nc, bucket: 'leases', schema: leaseSchema })),
    key,
    owner,
    ttlMs: TTL_MS,
    onLost: () => {
      aspirant.lost += 1;
    },
  };
  const aspirant: Aspirant = {
    options,
    seen: new SeenLease(),
    lost: 0,
    die: () => nc.close(),
    async attempt() {
      const lease = await Lease.tryAcquire(options, aspirant.seen);
      if (lease !== undefined) held.push(lease);
      return lease;
    },
    async persist({ forMs = 10_000 } = {}) {
      const deadline = performance.now() + forMs;
      while (performance.now() < deadline) {
        const lease = await aspirant.attempt().catch(() => undefined);
        if (lease !== undefined) return lease;
        await wait(TTL_MS / 4);
      }
      return undefined;
    },
  };
  return aspirant;
}

const newKey = () => `camera.k${keys++}`;

async function acquired(aspirant: Aspirant): Promise<Lease> {
  const lease = await aspirant.attempt();
  if (lease === undefined) throw new Error('the lease was to be had');
  return lease;
}

test('lease - E1 of many aspirants one holds it, for as long as it lives', async () => {
  const key = newKey();
  const aspirants = await Promise.all(Array.from({ length: 8 }, (_, i) => makeAspirant(`o${i}`, key)));
  const first = await Promise.all(aspirants.map((aspirant) => aspirant.attempt()));
  expect(first.filter((lease) => lease !== undefined)).toHaveLength(1);
  const winner = first.findIndex((lease) => lease !== undefined);
  const others = aspirants.filter((_, i) => i !== winner);
  // Three times as long as a dead holder would keep it.
  const later = await Promise.all(others.map((aspirant) => aspirant.persist({ forMs: 3 * TTL_MS })));
  expect(later.filter((lease) => lease !== undefined)).toEqual([]);
  expect(first[winner]?.isHeld).toBe(true);
});

test('lease - E2 taken over after the holder died: not before its time, and by one', async () => {
  const key = newKey();
  const holder = await makeAspirant('holder', key);
  const [a, b] = [await makeAspirant('a', key), await makeAspirant('b', key)];
  const old = await acquired(holder);
  await a.attempt();
  await holder.die();
  const diedAt = performance.now();
  const taken = await Promise.race([a.persist(), b.persist()]);
  const tookMs = performance.now() - diedAt;
  // The last renewal was up to a quarter before the death; the last attempt of either up to a quarter too late.
  expect(tookMs).toBeGreaterThan(TTL_MS / 2);
  expect(tookMs).toBeLessThan(2 * TTL_MS);
  expect(taken?.epoch).toBeGreaterThan(old.epoch);
  await wait(TTL_MS / 2);
  expect(held.filter((lease) => lease.isHeld && lease !== old)).toHaveLength(1);
});

test('lease - released, it is free at once', async () => {
  const key = newKey();
  const [a, b] = [await makeAspirant('a', key), await makeAspirant('b', key)];
  const first = await acquired(a);
  expect(await b.attempt()).toBeUndefined();
  await first.release();
  await first.release();
  expect(first.isHeld).toBe(false);
  const second = await acquired(b);
  expect(second.epoch).toBeGreaterThan(first.epoch);
  expect(a.lost).toBe(0);
});

test('lease - released in the middle of a renewal, it is free at once', async () => {
  const key = newKey();
  const a = await makeAspirant('a', key);
  const { bucket } = a.options;
  const inRenewal = Promise.withResolvers<void>();
  const slow = await makeAspirant('slow', key, {
    get: (k) => bucket.get(k),
    create: (k, value) => bucket.create(k, value),
    update: async (k, value, revision, options) => {
      const written = await bucket.update(k, value, revision, options);
      if (value.renewals > 0 && value.owner !== '') {
        inRenewal.resolve();
        await wait(50);
      }
      return written;
    },
  });
  const lease = await acquired(slow);
  await inRenewal.promise;
  await lease.release();
  expect(await a.attempt()).toBeDefined();
});

test('lease - E3 epochs grow when the clock goes backwards', async () => {
  const key = newKey();
  const [a, b] = [await makeAspirant('a', key), await makeAspirant('b', key)];
  const first = await acquired(a);
  expect(Math.abs(first.epoch - Date.now())).toBeLessThan(5_000);
  await first.release();
  vi.spyOn(Date, 'now').mockReturnValue(1_000);
  const second = await acquired(b);
  expect(second.epoch).toBe(first.epoch + 1);
  await second.release();
  expect((await acquired(a)).epoch).toBe(first.epoch + 2);
});

test('lease - a renewal whose answer is lost costs nothing', async () => {
  const key = newKey();
  const plain = await makeAspirant('plain', key);
  const { bucket } = plain.options;
  let lostAnswers = 0;
  let answers = 0;
  const unlucky = await makeAspirant('unlucky', key, {
    get: (k) => bucket.get(k),
    create: (k, value) => bucket.create(k, value),
    update: async (k, value, revision, options) => {
      const written = await bucket.update(k, value, revision, options);
      if (written.ok && value.renewals % 2 === 1) {
        lostAnswers += 1;
        throw new Error('timeout');
      }
      answers += 1;
      return written;
    },
  });
  const lease = await acquired(unlucky);
  await until(() => lostAnswers >= 3 && answers >= 3, { what: 'a few renewals' });
  expect(lease.isHeld).toBe(true);
  expect(unlucky.lost).toBe(0);
  expect(await plain.attempt()).toBeUndefined();
});

test('lease - E4 a holder that lost it is told once, and stops writing', async () => {
  const key = newKey();
  const a = await makeAspirant('a', key);
  const lease = await acquired(a);
  const { bucket } = a.options;
  const current = await bucket.get(key);
  const thief: LeaseRecord = { owner: 'thief', epoch: lease.epoch + 1, renewals: 0 };
  let written = await bucket.update(key, thief, current?.revision ?? 0);
  // The holder may have renewed in between.
  while (!written.ok) written = await bucket.update(key, thief, (await bucket.get(key))?.revision ?? 0);
  await until(() => a.lost, { what: 'the loss' });
  expect(lease.isHeld).toBe(false);
  await wait(TTL_MS / 2);
  expect(a.lost).toBe(1);
  await lease.release();
  expect((await bucket.get(key))?.value).toEqual(thief);
});

test('lease - a lease that was deleted under its holder is lost', async () => {
  const key = newKey();
  const a = await makeAspirant('a', key);
  await acquired(a);
  await (a.options.bucket as JsonBucket<LeaseRecord>).delete(key);
  await until(() => a.lost, { what: 'the loss' });
});

test.each(['SIGKILL', 'SIGSTOP'] as const)('lease - an outage of the broker moves no lease (%s)', async (signal) => {
  const key = newKey();
  const [a, b] = [await makeAspirant('a', key), await makeAspirant('b', key)];
  const lease = await acquired(a);
  const stolen = b.persist({ forMs: 8 * TTL_MS });
  await wait(TTL_MS / 2);
  if (signal === 'SIGKILL') {
    await bench.outage(() => wait(2.5 * TTL_MS));
  } else {
    await bench.freeze();
    await wait(2.5 * TTL_MS);
    bench.thaw();
  }
  expect(await stolen).toBeUndefined();
  expect(a.lost).toBe(0);
  expect(lease.isHeld).toBe(true);
  // Still the same acquisition, and renewed.
  await until(async () => (await b.options.bucket.get(key))?.value, {
    what: 'a renewed record',
    is: (record) => record?.owner === 'a' && record.epoch === lease.epoch && record.renewals > 0,
  });
});

test('lease - E2 a look that fails is reported, and the holder gets the whole time anew', async () => {
  const record: LeaseRecord = { owner: 'holder', epoch: 1, renewals: 0 };
  let isAway = false;
  const aspirant = await makeAspirant('aspirant', 'k', {
    get: (key) => (isAway ? Promise.reject(new Error('away')) : Promise.resolve({ key, value: record, revision: 5 })),
    create: () => Promise.resolve({ ok: true, revision: 6 }),
    update: () => Promise.resolve({ ok: true, revision: 6 }),
  });
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const attemptAt = (at: number) => {
    now = at;
    return aspirant.attempt();
  };
  expect(await attemptAt(0)).toBeUndefined();
  expect(await attemptAt(TTL_MS / 2)).toBeUndefined();
  isAway = true;
  await expect(attemptAt(0.7 * TTL_MS)).rejects.toThrow('away');
  isAway = false;
  expect(await attemptAt(TTL_MS)).toBeUndefined();
  expect(await attemptAt(1.5 * TTL_MS)).toBeUndefined();
  expect(await attemptAt(2 * TTL_MS)).toBeDefined();
});

test('seen lease - counts only time in which the broker answered', () => {
  const seen = new SeenLease();
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const lookAt = (revision: number, askedAt: number, answeredAt: number) => {
    now = answeredAt;
    return seen.stillForMs(revision, askedAt, 500);
  };
  expect(lookAt(1, 0, 10)).toBe(0);
  expect(lookAt(1, 110, 120)).toBe(100);
  // An answer that took a second: the broker was frozen.
  expect(lookAt(1, 220, 1_220)).toBe(200);
  // A pause counts for no more than it was worth.
  expect(lookAt(1, 9_000, 9_000)).toBe(700);
  expect(lookAt(2, 9_100, 9_100)).toBe(0);
  expect(lookAt(2, 9_200, 9_200)).toBe(100);
  seen.forget();
  expect(lookAt(2, 9_300, 9_300)).toBe(0);
});
