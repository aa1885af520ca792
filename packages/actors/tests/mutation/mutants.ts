/**
 * Mutants: machines with one guard or one delay wrong. A machine is changed in place, so that whoever imports it has the mutant.
 *
 * Guards and named delays are found in the machine itself. A wait that is no named delay, because it is only reckoned with, is
 * found among the settings by its unit: it ends in `Ms`.
 */
import type { AnyStateMachine } from 'xstate';

export interface Mutant {
  readonly machine: string;
  readonly kind: 'guard' | 'delay' | 'setting';
  readonly name: string;
  readonly change: GuardChange | DelayChange;
}

type GuardChange = 'negated' | 'always true' | 'always false';
type DelayChange = '× 0' | '× 10' | 'removed';

const guardChanges: readonly GuardChange[] = ['negated', 'always true', 'always false'];
const delayChanges: readonly DelayChange[] = ['× 0', '× 10', 'removed'];

type Guard = (...args: readonly unknown[]) => boolean;
type Delay = (...args: readonly unknown[]) => number;
type Context = (args: unknown) => Readonly<Record<string, unknown>>;

interface Parts {
  readonly guards: Record<string, Guard>;
  readonly delays: Record<string, Delay>;
}

const settingsKeys = ['settings', 'timings'];

/** Each once; as many for the same machine every time. */
export function mutantsOf(name: string, machine: AnyStateMachine): readonly Mutant[] {
  const { guards, delays } = partsOf(machine);
  const waits = Object.keys(settingsOf(contextOf(machine)({ input: {} }))).filter((key) => key.endsWith('Ms'));
  const settings = waits.filter((wait) => !(wait in delays));
  const list = (kind: Mutant['kind'], names: readonly string[], changes: readonly Mutant['change'][]) =>
    names.flatMap((part) => changes.map((change): Mutant => ({ machine: name, kind, name: part, change })));
  return [
    ...list('guard', Object.keys(guards), guardChanges),
    ...list('delay', Object.keys(delays), delayChanges),
    ...list('setting', settings, delayChanges),
  ];
}

/** Changes the machine in place. */
export function mutate(machine: AnyStateMachine, { kind, name, change }: Mutant): void {
  const { guards, delays } = partsOf(machine);
  if (kind === 'guard') guards[name] = changedGuard(guards[name], change);
  if (kind === 'delay') {
    const delay = delays[name];
    delays[name] = (...args) => changedWait(delay?.(...args) ?? Number.NaN, change);
  }
  if (kind === 'setting') changeSetting(machine, name, change);
}

/** Guards and delays that nobody could name, and so nobody could mutate: there must be none. */
export function namelessPartsOf(machine: AnyStateMachine): readonly string[] {
  const nodes = Object.values(machine.states);
  return [machine.root, ...nodes].flatMap((node) =>
    [...node.transitions.values(), node.always ?? []].flat().flatMap((transition) => {
      const { guard, delay, eventType } = transition as { guard?: unknown; delay?: unknown; eventType: string };
      const place = `${node.id} ${eventType}`;
      return [
        ...(typeof guard === 'function' ? [`guard of ${place}`] : []),
        ...(delay !== undefined && typeof delay !== 'string' ? [`delay of ${place}`] : []),
      ];
    }),
  );
}

function changedGuard(guard: Guard | undefined, change: Mutant['change']): Guard {
  if (change === 'negated') return (...args) => !guard?.(...args);
  return () => change === 'always true';
}

function changedWait(ms: number, change: Mutant['change']): number {
  if (change === 'removed') return Number.POSITIVE_INFINITY;
  return change === '× 0' ? 0 : ms * 10;
}

function changeSetting(machine: AnyStateMachine, name: string, change: Mutant['change']): void {
  const context = contextOf(machine);
  const changed: Context = (args) => {
    const right = context(args);
    const key = settingsKeys.find((known) => known in right) ?? '';
    const settings = settingsOf(right);
    return { ...right, [key]: { ...settings, [name]: changedWait(settings[name] ?? Number.NaN, change) } };
  };
  Object.assign(machine.config, { context: changed });
}

function settingsOf(context: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
  const settings = settingsKeys.map((key) => context[key]).find((value) => value !== undefined);
  return settings as Readonly<Record<string, number>>;
}

function contextOf(machine: AnyStateMachine): Context {
  return machine.config.context as Context;
}

function partsOf(machine: AnyStateMachine): Parts {
  return machine.implementations as unknown as Parts;
}
