/** What a host finds, by the examples of the README. */
import { expect, it } from 'vitest';
import { createActor } from 'xstate';
import { admissible, breakerMachine, breakerSettings, persist, restore, SettingsError } from './index.ts';

it('a breaker that opened, stored, restored, and told the time', () => {
  const input = { settings: { failuresToOpen: 3 } };
  const breaker = createActor(breakerMachine, { input }).start();
  const { era } = breaker.getSnapshot().context;
  breaker.send({ type: 'call.failed', count: 3, era, at: Date.now() });
  expect(admissible(breaker.getSnapshot())).toBe(0);
  breaker.stop();

  const restored = restore(breakerMachine, persist(breakerMachine, breaker.getSnapshot()), { input });
  if (!restored.restored) throw new Error(restored.detail);
  const again = createActor(breakerMachine, { input, snapshot: restored.snapshot }).start();
  again.send({ type: 'clock.resumed', at: Date.now() });
  expect(again.getSnapshot().value).toBe('open');
  again.stop();
});

it('settings that contradict themselves are refused before an actor runs on them', () => {
  expect(() => breakerSettings({ trialCalls: 0 })).toThrow(SettingsError);
  const errors: unknown[] = [];
  const actor = createActor(breakerMachine, { input: { settings: { trialCalls: 0 } } });
  actor.subscribe({ error: (error) => errors.push(error) });
  actor.start();
  expect(errors).toEqual([expect.any(SettingsError)]);
});
