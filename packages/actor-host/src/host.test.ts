import type { Stored, Written } from '@frame-buffer/jetstream';
import { type ActorRecord, type AuditEvent, FrameBufferError } from '@frame-buffer/protocol';
import { silentLogger } from '@frame-buffer/telemetry';
import { until } from '@frame-buffer/testkit';
import { describe, expect, test } from 'vitest';
import { hostActor } from './host.ts';
import type { HostOptions } from './hosted-actor.ts';
import type { ActorStore } from './keeper.ts';
import { lampMachine } from './lamp.fixture.ts';

/** A bucket in memory that can be held up, fail, or swallow its answers. */
function memory() {
  const stored = new Map<string, { value: unknown; revision: number }>();
  let revision = 0;
  let gate: Promise<void> = Promise.resolve();
  let open = () => {};
  const away: ('before' | 'after')[] = [];
  const writes: string[] = [];
  const set = (key: string, value: unknown) => {
    revision += 1;
    stored.set(key, { value: structuredClone(value), revision });
    return revision;
  };
  const write = async (key: string, value: unknown, expected: number): Promise<Written> => {
    await gate;
    const fault = away.shift();
    const unavailable = new FrameBufferError('kv_unavailable', 'away', { retryable: true });
    if (fault === 'before') throw unavailable;
    if ((stored.get(key)?.revision ?? 0) !== expected) return { ok: false, reason: 'conflict' };
    writes.push((value as ActorRecord).state);
    const written = set(key, value);
    if (fault === 'after') throw unavailable;
    return { ok: true, revision: written };
  };
  const store: ActorStore = {
    get: async (key) => {
      const found = stored.get(key);
      return found && ({ key, ...structuredClone(found) } as Stored<unknown>);
    },
    create: (key, value) => write(key, value, 0),
    update: (key, value, expected) => write(key, value, expected),
    put: async (key, value) => set(key, value),
    delete: async (key) => {
      stored.delete(key);
    },
  };
  return {
    store,
    writes,
    away,
    set,
    read: (key = 'lamp.l') => stored.get(key)?.value as ActorRecord | undefined,
    hold: () => {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    release: () => open(),
  };
}

function setUp(more: Partial<HostOptions<typeof lampMachine>> = {}) {
  const effects: string[] = [];
  const events: Omit<AuditEvent, 'at' | 'by'>[] = [];
  const superseded: string[] = [];
  const options: HostOptions<typeof lampMachine> = {
    machine: lampMachine,
    kind: 'lamp',
    id: 'l',
    input: {},
    ports: {
      light: ({ params, snapshot }) => {
        effects.push(`light ${JSON.stringify(params)} ${snapshot.context.presses}`);
      },
      darken: () => {
        effects.push('darken');
      },
    },
    events: { record: (event) => events.push(event) },
    log: silentLogger,
    by: 'host-1',
    onSuperseded: () => superseded.push('superseded'),
    ...more,
  };
  return {
    options,
    effects,
    superseded,
    events,
    told: () => events.map(({ event, from, to }) => `${event} ${from ?? ''}>${to ?? ''}`),
  };
}

describe('without a store', () => {
  test('H1 transitions are told once, effects begin at once', async () => {
    const { options, effects, told } = setUp();
    const lamp = await hostActor(options);
    lamp.send({ type: 'press' });
    lamp.send({ type: 'look' });
    expect(effects).toEqual(['light {"watts":5} 1']);
    expect(told()).toEqual(['lamp.changed >off', 'lamp.changed off>on']);
    expect(lamp).toMatchObject({ state: 'on', cause: 'press', isRestored: false });
    await lamp.stop();
    lamp.send({ type: 'press' });
    expect(effects).toHaveLength(1);
  });

  test('a port that fails is logged, and harms nobody', async () => {
    const failed: unknown[] = [];
    const log = { ...silentLogger, error: (event: string, fields: unknown) => failed.push([event, fields]) };
    const ports = { light: () => Promise.reject(new Error('burnt')), darken: () => {} };
    const lamp = await hostActor(setUp({ log: log as typeof silentLogger, ports }).options);
    lamp.send({ type: 'press' });
    await until(() => failed.length, { what: 'the log' });
    expect(failed[0]).toMatchObject(['actor.port_failed', { port: 'light' }]);
    expect(lamp.state).toBe('on');
    await lamp.stop();
  });
});

describe('with a store', () => {
  test('H2 nothing is done or told before it is kept', async () => {
    const { store, hold, release, read } = memory();
    const { options, effects, told } = setUp({ snapshots: store });
    const lamp = await hostActor(options);
    expect(read()).toMatchObject({ version: 2, state: 'off', by: 'host-1', cause: 'started' });
    hold();
    lamp.send({ type: 'press' });
    await new Promise((resolve) => setImmediate(resolve));
    expect([effects, told()]).toEqual([[], ['lamp.changed >off']]);
    release();
    await lamp.settled();
    expect(read()).toMatchObject({ state: 'on', cause: 'press' });
    expect(effects).toEqual(['light {"watts":5} 1']);
    expect(told()).toEqual(['lamp.changed >off', 'lamp.changed off>on']);
    await lamp.stop();
  });

  test('H3 steps that come while a write is under way are kept by one more; context alone is not worth a write', async () => {
    const { store, hold, release, writes } = memory();
    const { options, effects } = setUp({ snapshots: store });
    const lamp = await hostActor(options);
    hold();
    lamp.send({ type: 'press' });
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 4; i++) lamp.send({ type: 'press' });
    release();
    await lamp.settled();
    lamp.send({ type: 'look' });
    await lamp.settled();
    expect(writes).toEqual(['off', 'on', 'on']);
    expect(effects).toEqual(['light {"watts":5} 1', 'darken', 'light {"watts":5} 3', 'darken', 'light {"watts":5} 3']);
    await lamp.stop();
  });

  test('a change of context is kept when it is worth it', async () => {
    const { store, read } = memory();
    const isWorthKeeping: HostOptions<typeof lampMachine>['isWorthKeeping'] = (kept, now) =>
      kept.context.presses !== now.context.presses;
    const lamp = await hostActor(setUp({ snapshots: store, isWorthKeeping }).options);
    lamp.send({ type: 'press' });
    lamp.send({ type: 'look' });
    await lamp.settled();
    expect(read()?.snapshot).toMatchObject({ state: { context: { presses: 2 } } });
    await lamp.stop();
  });

  test('H4 who finds another’s write stops, undoes nothing and does nothing', async () => {
    const { store, set, read } = memory();
    const { options, effects, superseded, told } = setUp({ snapshots: store });
    const lamp = await hostActor(options);
    const theirs = { ...read(), by: 'host-2' };
    set('lamp.l', theirs);
    lamp.send({ type: 'press' });
    await lamp.settled();
    expect({ effects, superseded, isEnded: lamp.isEnded }).toEqual({
      effects: [],
      superseded: ['superseded'],
      isEnded: true,
    });
    expect(told().at(-1)).toBe('actor.superseded >');
    expect(read()).toEqual(theirs);
  });

  test('H5 another host goes on where the first one was, and the first one learns of it', async () => {
    const { store, read } = memory();
    const first = setUp({ snapshots: store });
    const old = await hostActor(first.options);
    old.send({ type: 'press' });
    await old.settled();
    const second = setUp({ snapshots: store, by: 'host-2' });
    const lamp = await hostActor(second.options);
    expect(lamp).toMatchObject({ isRestored: true, state: 'on', cause: 'press', since: old.since });
    expect(second.effects).toEqual([]);
    expect(second.told()).toEqual([]);
    expect(read()?.by).toBe('host-2');
    old.send({ type: 'press' });
    await old.settled();
    expect([first.superseded, first.effects]).toEqual([['superseded'], ['light {"watts":5} 1']]);
    await lamp.stop();
  });

  test('K3 K4 a broker that is away, and an answer that is lost, are no conflict', async () => {
    const { store, away, read } = memory();
    const { options, effects, superseded } = setUp({ snapshots: store });
    const lamp = await hostActor(options);
    away.push('before', 'after');
    lamp.send({ type: 'press' });
    await lamp.settled();
    expect({ effects: effects.length, superseded, state: read()?.state }).toEqual({
      effects: 1,
      superseded: [],
      state: 'on',
    });
    lamp.send({ type: 'press' });
    await lamp.settled();
    expect(read()?.state).toBe('off');
    await lamp.stop();
  });

  test.each([
    [
      'of a later version',
      { version: 3, snapshot: { machine: 'lamp', version: 3, state: { value: 'on', context: { presses: 1 } } } },
      'newer_version',
    ],
    [
      'of an older one that nothing migrates',
      { version: 1, snapshot: { machine: 'lamp', version: 1, state: { value: 'on', context: { presses: 1 } } } },
      'no_migration',
    ],
    [
      'of no state',
      { snapshot: { machine: 'lamp', version: 2, state: { value: 'lost', context: { presses: 1 } } } },
      'malformed',
    ],
    [
      'of another machine',
      { snapshot: { machine: 'door', version: 2, state: { value: 'on', context: {} } } },
      'other_machine',
    ],
    ['that is nothing', { snapshot: 7 }, 'malformed'],
  ])('H5 a snapshot %s is set aside, told, and begun anew', async (_what, more, reason) => {
    const { store, set, read } = memory();
    const at = new Date().toISOString();
    const theirs = { version: 2, state: 'on', since: at, cause: '', by: 'host-0', at, ...more };
    set('lamp.l', theirs);
    const { options, events } = setUp({ snapshots: store });
    const lamp = await hostActor(options);
    expect(lamp).toMatchObject({ state: 'off', isRestored: false });
    expect(events[0]).toMatchObject({ event: 'actor.set_aside', cause: expect.stringContaining(reason) });
    expect(read('aside.lamp.l')).toEqual(theirs);
    expect(read()).toMatchObject({ state: 'off', version: 2 });
    await lamp.stop();
  });

  test('H5 an older snapshot is migrated', async () => {
    const { store, set, read } = memory();
    const at = new Date().toISOString();
    const snapshot = { machine: 'lamp', version: 1, state: { value: 'lit', context: {} } };
    set('lamp.l', { version: 1, state: 'lit', since: at, cause: 'press', by: 'host-0', at, snapshot });
    const migrations = { 1: () => ({ value: 'on', context: { presses: 8 } }) };
    const lamp = await hostActor(setUp({ snapshots: store, migrations }).options);
    expect(lamp).toMatchObject({ state: 'on', isRestored: true });
    expect(lamp.snapshot.context.presses).toBe(8);
    expect(read()).toMatchObject({ version: 2, state: 'on' });
    await lamp.stop();
  });

  test('removed, nothing of it is left', async () => {
    const { store, read } = memory();
    const lamp = await hostActor(setUp({ snapshots: store }).options);
    await lamp.remove();
    expect(read()).toBeUndefined();
    expect(lamp.isEnded).toBe(true);
  });

  test('a stop ends the waiting for a broker that is away', async () => {
    const { store, away } = memory();
    const lamp = await hostActor(setUp({ snapshots: store }).options);
    away.push(...Array.from({ length: 100 }, () => 'before' as const));
    lamp.send({ type: 'press' });
    await lamp.stop();
    expect(away.length).toBeGreaterThan(90);
  });
});
