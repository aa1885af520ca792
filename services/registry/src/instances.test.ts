import type { Stored } from '@frame-buffer/jetstream';
import { type Instance, instanceKey } from '@frame-buffer/protocol';
import { silentLogger } from '@frame-buffer/telemetry';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { BucketListener, FollowedBucket } from './followed-bucket.ts';
import { Instances } from './instances.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const GRACE_MS = 6_000;

function started() {
  let listener: BucketListener<Instance> = () => {};
  const told: { event: string; id: string; msgId: string | undefined }[] = [];
  const instances = new Instances({
    bucket: {
      onChange: (given: BucketListener<Instance>) => {
        listener = given;
        return () => {};
      },
    } as FollowedBucket<Instance>,
    publisher: {
      pending: 0,
      publish: async (_subject, payload, options) => {
        const { event, id } = JSON.parse(Buffer.from(payload).toString()) as { event: string; id: string };
        told.push({ event, id, msgId: options?.msgId });
        return { ok: true, sequence: 1, duplicate: false };
      },
    },
    by: 'registry-1',
    log: silentLogger,
    graceMs: GRACE_MS,
  });
  let revision = 0;
  return {
    instances,
    told: () => told.map(({ event, id }) => `${event} ${id}`),
    ids: () => told.map(({ msgId }) => msgId),
    beats: (instance: string, state: Instance['state'] = 'ready') => {
      const value: Instance = { kind: 'processor', name: 'p', instance, startedAt: '2026-01-01T00:00:00Z', state };
      revision += 1;
      const stored: Stored<Instance> = { key: instanceKey('processor', 'p', instance), value, revision };
      listener(stored.key, stored, undefined);
    },
    vanishes: (instance: string) => listener(instanceKey('processor', 'p', instance), undefined, undefined),
    names: () => instances.of('processor', 'p').map(({ instance }) => instance),
  };
}

test('I1 an instance lives from its first heartbeat until its key is gone, and each is told once', () => {
  const it = started();
  it.instances.filled();
  it.beats('a');
  it.beats('b');
  it.beats('a');
  expect(it.names()).toEqual(['a', 'b']);
  it.vanishes('a');
  it.vanishes('a');
  expect(it.names()).toEqual(['b']);
  expect(it.told()).toEqual(['instance.joined a', 'instance.joined b', 'instance.left a']);
});

test('I2 after the return of the broker nobody is declared gone who is heard again in time', () => {
  const it = started();
  it.instances.filled();
  it.beats('late');
  it.beats('dead');
  it.instances.brokerReturned();
  it.vanishes('late');
  it.vanishes('dead');
  vi.advanceTimersByTime(GRACE_MS - 1);
  expect(it.names()).toEqual(['dead', 'late']);
  it.beats('late');
  vi.advanceTimersByTime(60_000);
  expect(it.names()).toEqual(['late']);
  expect(it.told().filter((line) => line.includes('left'))).toEqual(['instance.left dead']);
});

test('I3 who lived already at the start has not joined; ids come from revisions', () => {
  const it = started();
  it.beats('old');
  it.instances.filled();
  it.beats('old');
  it.beats('new');
  it.vanishes('old');
  expect(it.told()).toEqual(['instance.joined new', 'instance.left old']);
  expect(it.ids()).toEqual(['instance.joined.processor.p.new.3', 'instance.left.processor.p.old.2']);
});
