import { describe, expect, it } from 'vitest';
import { createMachine, setup } from 'xstate';
import { machineNames, machines } from '../../src/machines.ts';
import { live } from '../live.ts';
import { type Mutant, mutantsOf, mutate, namelessPartsOf } from './mutants.ts';

/** New each time: mutating changes it for good. */
function lamp() {
  return setup({
    types: {
      context: {} as { settings: { glowMs: number; coolMs: number; size: number } },
      input: {} as object,
      events: {} as { type: 'push' },
    },
    guards: { isPowered: () => true },
    delays: { glowMs: ({ context }) => context.settings.glowMs },
  }).createMachine({
    id: 'lamp',
    context: { settings: { glowMs: 100, coolMs: 5, size: 1 } } as never,
    initial: 'off',
    states: {
      off: { on: { push: { guard: 'isPowered', target: 'on' } } },
      on: { after: { glowMs: 'off' } },
    },
  });
}

function lampWithFactory() {
  const machine = lamp();
  const context = { settings: { glowMs: 100, coolMs: 5, size: 1 } };
  Object.assign(machine.config, { context: () => context });
  return machine;
}

const mutant = (kind: Mutant['kind'], name: string, change: Mutant['change']): Mutant => ({
  machine: 'lamp',
  kind,
  name,
  change,
});

describe('mutants', () => {
  it('are three of each guard, each named delay, and each other wait among the settings', () => {
    expect(mutantsOf('lamp', lampWithFactory()).map(({ kind, name, change }) => `${kind} ${name} ${change}`)).toEqual([
      'guard isPowered negated',
      'guard isPowered always true',
      'guard isPowered always false',
      'delay glowMs × 0',
      'delay glowMs × 10',
      'delay glowMs removed',
      'setting coolMs × 0',
      'setting coolMs × 10',
      'setting coolMs removed',
    ]);
  });

  it.each<[string, Mutant['change'], string]>([
    ['isPowered', 'negated', 'off'],
    ['isPowered', 'always true', 'on'],
    ['isPowered', 'always false', 'off'],
  ])('%s %s: %s', (name, change, state) => {
    const machine = lampWithFactory();
    mutate(machine, mutant('guard', name, change));
    const actor = live(machine, {});
    actor.send({ type: 'push' });
    expect(actor.state()).toBe(state);
  });

  it.each<[Mutant['change'], number]>([
    ['× 0', 0],
    ['× 10', 1_000],
  ])('glowMs %s: off after %i ms', (change, ms) => {
    const machine = lampWithFactory();
    mutate(machine, mutant('delay', 'glowMs', change));
    const actor = live(machine, {});
    actor.send({ type: 'push' });
    if (ms > 0) {
      actor.advance(ms - 1);
      expect(actor.state()).toBe('on');
    }
    actor.advance(1);
    expect(actor.state()).toBe('off');
  });

  it('glowMs removed: on for ever', () => {
    const machine = lampWithFactory();
    mutate(machine, mutant('delay', 'glowMs', 'removed'));
    const actor = live(machine, {});
    actor.send({ type: 'push' });
    actor.advance(1_000_000);
    expect(actor.state()).toBe('on');
  });

  it('a setting is changed in the context', () => {
    const machine = lampWithFactory();
    mutate(machine, mutant('setting', 'coolMs', '× 10'));
    expect(live(machine, {}).context()).toEqual({ settings: { glowMs: 100, coolMs: 50, size: 1 } });
  });
});

describe('machines', () => {
  it.each(machineNames)('%s: no guard and no delay is nameless', (name) => {
    expect(namelessPartsOf(machines[name])).toEqual([]);
    expect(mutantsOf(name, machines[name]).length).toBeGreaterThan(0);
  });

  it('a nameless one is seen', () => {
    const machine = createMachine({
      id: 'lamp',
      initial: 'off',
      states: { off: { always: { guard: () => false, target: 'on' }, after: { 5: 'on' } }, on: {} },
    });
    expect(namelessPartsOf(machine)).toEqual(['delay of lamp.off xstate.after.5.lamp.off', 'guard of lamp.off ']);
  });
});
