import { expect, test, vi } from 'vitest';
import { type Actor, createActor } from 'xstate';
import { lampMachine } from './lamp.fixture.ts';
import { inspectSteps, type Step, stateName } from './transitions.ts';

test.each([
  ['ready', 'ready'],
  [{ streaming: 'throttled' }, 'streaming.throttled'],
  [{ a: { b: 'c' }, d: 'e' }, 'a.b.c+d.e'],
  [{ alone: {} }, 'alone'],
  [undefined, ''],
])('the state %j is called %s', (value, name) => {
  expect(stateName(value)).toBe(name);
});

test('a transition has from, to and cause; what changes no state is a step and no transition', () => {
  vi.useFakeTimers();
  const steps: Step[] = [];
  const bound = lampMachine.provide({ actions: { light: () => {}, darken: () => {} } });
  const actor: Actor<typeof lampMachine> = createActor(bound, {
    input: {},
    inspect: inspectSteps(
      () => actor.sessionId,
      undefined,
      (step) => steps.push(step),
    ),
  });
  actor.start();
  actor.send({ type: 'press', reason: 'it is dark' });
  actor.send({ type: 'look' });
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  expect(steps.map(({ transition }) => transition)).toEqual([
    { from: undefined, to: 'off', cause: 'started' },
    { from: 'off', to: 'on', cause: 'press: it is dark' },
    undefined,
    { from: 'on', to: 'off', cause: 'after 60000' },
  ]);
});

test('an actor that goes on from a state has not come into it', () => {
  const steps: Step[] = [];
  const snapshot = lampMachine.resolveState({ value: 'off', context: { presses: 3 } });
  const actor: Actor<typeof lampMachine> = createActor(lampMachine, {
    input: {},
    snapshot,
    inspect: inspectSteps(
      () => actor.sessionId,
      'off',
      (step) => steps.push(step),
    ),
  });
  actor.start();
  expect(steps.map(({ transition }) => transition)).toEqual([undefined]);
});
