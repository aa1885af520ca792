import { describe, expect, it } from 'vitest';
import { createActor, setup } from 'xstate';
import { outcomeOf } from '../tests/pure.ts';
import { breakerMachine } from './breaker/breaker.machine.ts';
import { cameraMachine } from './camera/camera.machine.ts';
import { healthMachine } from './health/health.machine.ts';
import { machineNames, machines } from './machines.ts';
import { type Migrations, type PersistedActor, persist, restore, versionOf } from './persistence.ts';
import { processorMachine } from './processor/processor.machine.ts';

const { snapshot: open } = outcomeOf(breakerMachine, {}, [{ type: 'call.failed', at: 7, count: 5 }]);
const stored = persist(breakerMachine, open);

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('persistence - S1: what is stored', () => {
  it('is plain JSON with machine, version and state, and without settings', () => {
    expect(stored).toEqual({
      machine: 'breaker',
      version: 1,
      state: { value: 'open', context: { era: 1, failures: 0, successes: 0, trials: 0, openedAt: 7, triedAt: 0 } },
    });
    expect(asJson(stored)).toEqual(stored);
  });

  it('the present settings apply, not those of then', () => {
    const restored = restore(breakerMachine, asJson(stored), { input: { settings: { recoveryMs: 500 } } });
    expect(restored).toMatchObject({ restored: true, snapshot: { context: { settings: { recoveryMs: 500 } } } });
  });

  it('also where a setting is no JSON: a camera that may be silent', () => {
    const timings = { stallMs: Number.POSITIVE_INFINITY };
    const { snapshot } = outcomeOf(cameraMachine, { timings });
    const restored = restore(cameraMachine, asJson(persist(cameraMachine, snapshot)), { input: { timings } });
    expect(restored).toMatchObject({ restored: true, snapshot: { value: 'stopped', context: { timings } } });
  });

  it.each(machineNames)('%s goes on from what was stored', (name) => {
    const machine = machines[name];
    const fresh = createActor(machine, { input: {} } as never).getSnapshot();
    const restored = restore(machine, asJson(persist(machine, fresh)));
    expect(restored).toMatchObject({ restored: true });
    expect(restored.restored && asJson(restored.snapshot)).toEqual(asJson(fresh));
  });
});

describe('persistence - S2: what cannot be restored is set aside', () => {
  const context = { ...stored.state.context };

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'malformed'],
    ['null', null, 'malformed'],
    ['text', 'open', 'malformed'],
    ['a list', [stored], 'malformed'],
    ['no state', { machine: 'breaker', version: 1 }, 'malformed'],
    ['no machine', { ...stored, machine: 3 }, 'malformed'],
    ['no version', { ...stored, version: '1' }, 'malformed'],
    ['version 0', { ...stored, version: 0 }, 'malformed'],
    ['no context', { ...stored, state: { value: 'open', context: [] } }, 'malformed'],
    ['no value', { ...stored, state: { context } }, 'malformed'],
    ['an unknown state', { ...stored, state: { value: 'ajar', context } }, 'malformed'],
    ['a state that is none', { ...stored, state: { value: { open: 'a' }, context } }, 'malformed'],
    ['a state of no kind', { ...stored, state: { value: {}, context } }, 'malformed'],
    ['a null state', { ...stored, state: { value: null, context } }, 'malformed'],
    [
      'a context that lacks something',
      { ...stored, state: { value: 'open', context: { ...context, era: undefined } } },
      'malformed',
    ],
    [
      'a context of another kind',
      { ...stored, state: { value: 'open', context: { ...context, era: '1' } } },
      'malformed',
    ],
    ['a null in it', { ...stored, state: { value: 'open', context: { ...context, era: null } } }, 'malformed'],
    ['another machine', { ...stored, machine: 'camera' }, 'other_machine'],
    ['a newer version', { ...stored, version: 2 }, 'newer_version'],
  ])('%s', (_, value, reason) => {
    expect(restore(breakerMachine, value)).toMatchObject({ restored: false, reason, detail: expect.any(String) });
  });

  it('a list where a record is wanted, and the other way round', () => {
    const health = persist(healthMachine, outcomeOf(healthMachine, {}).snapshot);
    const broken = { ...health, state: { ...health.state, context: { checks: [], at: 0 } } };
    expect(restore(healthMachine, broken)).toMatchObject({ restored: false, detail: 'context.checks does not fit' });
  });

  it('what may be null at first may be anything later', () => {
    const { snapshot } = outcomeOf(processorMachine, {}, [{ type: 'queue.measured', tasks: 4, at: 1 }]);
    const restored = restore(processorMachine, asJson(persist(processorMachine, snapshot)));
    expect(restored).toMatchObject({ restored: true, snapshot: { context: { tasks: 4 } } });
  });

  it('settings that are refused are a fault of who gives them', () => {
    expect(() => restore(breakerMachine, stored, { input: { settings: { recoveryMs: 0 } } })).toThrow(
      'recoveryMs must be',
    );
  });
});

describe('persistence - S3: older versions', () => {
  const third = setup({ types: { context: {} as { strikes: number; note: string | null } } }).createMachine({
    id: 'breaker',
    version: '3',
    context: { strikes: 0, note: null },
    initial: 'shut',
    states: { shut: {}, open: {} },
  });
  const migrations: Migrations = {
    1: ({ value, context }) => ({
      value: value === 'closed' ? 'shut' : value,
      context: { strikes: context['failures'] },
    }),
    2: ({ value, context }) => ({ value, context: { ...context, note: null } }),
  };

  it('are migrated one by one', () => {
    const restored = restore(third, stored, { migrations });
    expect(restored).toMatchObject({ restored: true, migratedFrom: 1, snapshot: { value: 'open' } });
    const second: PersistedActor = {
      machine: 'breaker',
      version: 2,
      state: { value: 'shut', context: { strikes: 4 } },
    };
    expect(restore(third, second, { migrations })).toMatchObject({
      restored: true,
      migratedFrom: 2,
      snapshot: { value: 'shut', context: { strikes: 4, note: null } },
    });
  });

  it('are set aside when a migration is missing, fails, or gives what does not fit', () => {
    expect(restore(third, stored)).toMatchObject({ restored: false, reason: 'no_migration' });
    expect(restore(third, stored, { migrations: { 2: migrations[2] as never } })).toMatchObject({
      reason: 'no_migration',
    });
    const failing: Migrations = {
      ...migrations,
      2: () => {
        throw new Error('oh');
      },
    };
    expect(restore(third, stored, { migrations: failing })).toMatchObject({
      reason: 'migration_failed',
      detail: 'from version 2: Error: oh',
    });
    expect(restore(third, stored, { migrations: { ...migrations, 2: () => null as never } })).toMatchObject({
      reason: 'malformed',
    });
  });

  it('one of the present version is not called migrated', () => {
    expect(restore(breakerMachine, stored)).not.toHaveProperty('migratedFrom');
    expect(versionOf(cameraMachine)).toBe(1);
  });
});

it('a restored actor goes on: what was open stays open until it is told the time', () => {
  const restored = restore(breakerMachine, asJson(stored));
  if (!restored.restored) throw new Error(restored.detail);
  const actor = createActor(breakerMachine, { input: {}, snapshot: restored.snapshot }).start();
  expect(actor.getSnapshot().value).toBe('open');
  actor.send({ type: 'breaker.reset' });
  expect(actor.getSnapshot().value).toBe('closed');
  actor.stop();
});
