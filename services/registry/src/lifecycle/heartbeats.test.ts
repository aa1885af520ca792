import type { Stored } from '@frame-buffer/jetstream';
import { type Instance, instanceKey } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import type { BucketListener } from '../followed-bucket.ts';
import { Heartbeats } from './heartbeats.ts';

function started() {
  let listener: BucketListener<Instance> = () => {};
  let now = 1_000_000;
  const told: string[] = [];
  const heartbeats = new Heartbeats({
    bucket: {
      onChange: (given) => {
        listener = given;
        return () => {};
      },
    },
    now: () => now,
    onBeat: (processor, { instances, sentAt }) => told.push(`${processor} ${instances} ${sentAt}`),
    onAllLeft: (processor) => told.push(`${processor} left`),
    onFromFuture: (processor, instance, aheadMs) => told.push(`${processor} ${instance} ahead ${aheadMs}`),
  });
  const known = new Map<string, Instance>();
  return {
    heartbeats,
    told,
    passes: (ms: number) => {
      now += ms;
    },
    beats: (instance: string, more: Partial<Instance> = {}) => {
      const startedAt = new Date(0).toISOString();
      const value: Instance = { kind: 'processor', name: 'p', instance, startedAt, state: 'ready', ...more };
      const key = instanceKey(value.kind, value.name, instance);
      known.set(instance, value);
      const stored: Stored<Instance> = { key, value, revision: 1, stampedAtMs: now };
      listener(key, stored, undefined);
    },
    vanishes: (instance: string) => listener(instanceKey('processor', 'p', instance), undefined, known.get(instance)),
  };
}

test('beats of all instances are one, with the newest stamp', () => {
  const it = started();
  it.beats('a');
  it.passes(400);
  it.beats('b');
  it.beats('not-mine', { kind: 'service', name: 'orchestrator' });
  expect(it.told).toEqual(['p 1 1000000', 'p 2 1000400']);
  expect(it.heartbeats.of('p')).toMatchObject({ instances: 2, sentAt: 1_000_400 });
  it.vanishes('b');
  expect(it.heartbeats.of('p')).toMatchObject({ instances: 1, sentAt: 1_000_000 });
});

test('B2 the last one that takes its key back has left; one that expires has fallen silent', () => {
  const it = started();
  it.beats('polite', { state: 'draining' });
  it.beats('stays');
  it.vanishes('polite');
  it.passes(500);
  it.vanishes('stays');
  expect(it.told.at(-1)).toBe('p left');

  it.told.length = 0;
  it.beats('dies');
  it.passes(3_200);
  it.vanishes('dies');
  it.vanishes('dies');
  expect(it.told).toEqual(['p 1 1000500']);
  expect(it.heartbeats.of('p')).toBeUndefined();

  it.beats('drains', { state: 'draining' });
  it.passes(3_200);
  it.vanishes('drains');
  expect(it.told.at(-1)).toBe('p left');
});

test('B3 a start in the future is told once an instance, and it lives all the same', () => {
  const it = started();
  const startedAt = new Date(1_000_000 + 60_000).toISOString();
  it.beats('ahead', { startedAt });
  it.beats('ahead', { startedAt });
  it.beats('skewed', { startedAt: new Date(1_000_000 + 2_000).toISOString() });
  expect(it.told).toEqual(['p ahead ahead 60000', 'p 1 1000000', 'p 1 1000000', 'p 2 1000000']);
});
