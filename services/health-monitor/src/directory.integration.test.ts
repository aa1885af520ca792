import { JsonBucket } from '@frame-buffer/jetstream';
import { BUCKET, policySchema } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import { Directory } from './directory.ts';
import { startWorld } from './fixtures/world.ts';

test('directory - the longest life of a task: its deadline, the longest ack wait of its processors, and a minute', async () => {
  await using world = await startWorld();
  await world.register({ name: 'slow', capabilities: ['motion'], ackWaitMs: 90_000, settles: true });
  await world.register({ name: 'quick', capabilities: ['motion', 'other'], ackWaitMs: 5_000, settles: false });
  const policies = await JsonBucket.open({ nc: world.nc, bucket: BUCKET.capabilities, schema: policySchema });
  for (const [name, maxAgeMs] of [
    ['motion', 10_000],
    ['other', 10_000],
    ['patient', 0],
  ] as const) {
    await policies.put(name, policySchema.parse({ maxAgeMs }));
  }
  const directory = await Directory.open({ openBucket: (bucket) => JsonBucket.open({ ...bucket, nc: world.nc }) });
  expect(directory.longestLifeMs('motion')).toBe(10_000 + 90_000 + 60_000);
  expect(directory.longestLifeMs('other')).toBe(10_000 + 30_000 + 60_000);
  expect(directory.longestLifeMs('patient')).toBe(Number.POSITIVE_INFINITY);
  expect(['slow', 'quick', 'nobody'].map((name) => directory.isPlain(name))).toEqual([false, true, false]);
  directory.stop();
});
