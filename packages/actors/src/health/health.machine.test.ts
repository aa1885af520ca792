import { describe, expect, it } from 'vitest';
import { live, T0 } from '../../tests/live.ts';
import { type AnyEvent, outcomeOf } from '../../tests/pure.ts';
import { SettingsError } from '../bounds.ts';
import type { CheckLevel } from './checks.ts';
import { type HealthState, healthMachine, healthStates } from './health.machine.ts';
import { healthSettings } from './settings.ts';

type Event = AnyEvent<typeof healthMachine>;

const completed = (result: CheckLevel, check = 'a', at = T0) =>
  ({ type: 'check.completed', check, result, at }) as const;
const times = (count: number, event: Event) => Array.from({ length: count }, () => event);
const silenced = { type: 'checks.silenced' } as unknown as Event;

const watched = ['cancel silence', 'wait checks.silenced 15000'];

interface Row {
  readonly title: string;
  readonly events: readonly Event[];
  readonly value: HealthState;
  readonly actions?: readonly string[];
}

const rows: readonly Row[] = [
  { title: 'H1: is unknown at first', events: [], value: 'unknown', actions: ['cancel silence'] },
  { title: 'H1: the first result is ok', events: [completed('ok')], value: 'ok', actions: watched },
  { title: 'H1: the first result is degraded', events: [completed('degraded')], value: 'degraded', actions: watched },
  { title: 'H1: the first result is failing', events: [completed('failing')], value: 'failing', actions: watched },
  { title: 'H1: silence while ok', events: [completed('ok'), silenced], value: 'unknown', actions: ['cancel silence'] },
  {
    title: 'H1: silence while degraded',
    events: [completed('degraded'), silenced],
    value: 'unknown',
    actions: ['cancel silence'],
  },
  {
    title: 'H1: silence while failing',
    events: [completed('failing'), silenced],
    value: 'unknown',
    actions: ['cancel silence'],
  },
  {
    title: 'H1: no check is left',
    events: [completed('failing'), { type: 'check.removed', check: 'a' }],
    value: 'unknown',
    actions: ['cancel silence'],
  },
  {
    title: 'H1: a check that was never made is removed',
    events: [completed('ok'), { type: 'check.removed', check: 'b' }],
    value: 'ok',
  },
  {
    title: 'H2: a second check is worse',
    events: [completed('ok'), completed('degraded', 'b')],
    value: 'degraded',
    actions: watched,
  },
  {
    title: 'H2: a third is worst',
    events: [completed('ok'), completed('degraded', 'b'), completed('failing', 'c')],
    value: 'failing',
    actions: watched,
  },
  {
    title: 'H2: from ok to failing',
    events: [completed('ok'), completed('failing', 'b')],
    value: 'failing',
    actions: watched,
  },
  {
    title: 'H2: the worst one is removed',
    events: [completed('degraded'), completed('failing', 'b'), { type: 'check.removed', check: 'b' }],
    value: 'degraded',
  },
  {
    title: 'H2: the only bad one is removed',
    events: [completed('ok'), completed('failing', 'b'), { type: 'check.removed', check: 'b' }],
    value: 'ok',
  },
  {
    title: 'H2: degraded is removed',
    events: [completed('ok'), completed('degraded', 'b'), { type: 'check.removed', check: 'b' }],
    value: 'ok',
  },
  {
    title: 'H3: one failure of an ok check',
    events: [completed('ok'), completed('failing')],
    value: 'ok',
    actions: watched,
  },
  {
    title: 'H3: two',
    events: [completed('ok'), ...times(2, completed('failing'))],
    value: 'failing',
    actions: watched,
  },
  {
    title: 'H3: two successes of a failing check',
    events: [completed('failing'), ...times(2, completed('ok'))],
    value: 'failing',
    actions: watched,
  },
  { title: 'H3: three', events: [completed('failing'), ...times(3, completed('ok'))], value: 'ok', actions: watched },
  {
    title: 'H3: from failing to degraded',
    events: [completed('failing'), ...times(3, completed('degraded'))],
    value: 'degraded',
    actions: watched,
  },
  {
    title: 'H3: from degraded to ok',
    events: [completed('degraded'), ...times(3, completed('ok'))],
    value: 'ok',
    actions: watched,
  },
  {
    title: 'H4: an older result',
    events: [completed('ok'), ...times(5, completed('failing', 'a', T0 - 1))],
    value: 'ok',
  },
  {
    title: 'H4: older than another check’s',
    events: [completed('ok'), completed('failing', 'b', T0 - 1)],
    value: 'failing',
    actions: watched,
  },
  {
    title: 'H5: what is left until it is stale',
    events: [completed('ok'), { type: 'clock.resumed', at: T0 + 5_000 }],
    value: 'ok',
    actions: ['cancel silence', 'wait checks.silenced 10000'],
  },
  {
    title: 'H5: nothing is left',
    events: [completed('degraded'), { type: 'clock.resumed', at: T0 + 99_000 }],
    value: 'degraded',
    actions: ['cancel silence', 'wait checks.silenced 0'],
  },
  {
    title: 'H5: a clock that was set back',
    events: [completed('failing'), { type: 'clock.resumed', at: 5 }],
    value: 'failing',
    actions: watched,
  },
  { title: 'H5: nothing to wait for', events: [{ type: 'clock.resumed', at: T0 }], value: 'unknown' },
  {
    title: 'H5: the newest of all results counts',
    events: [completed('ok'), completed('ok', 'b', T0 - 9_000), { type: 'clock.resumed', at: T0 }],
    value: 'ok',
    actions: watched,
  },
];

describe('health - what an event makes of it', () => {
  it.each(rows)('$title', ({ events, value, actions = [] }) => {
    const outcome = outcomeOf(healthMachine, {}, events);
    expect(outcome.value).toBe(value);
    expect(outcome.actions).toEqual(actions);
  });
});

describe('health - time', () => {
  it.each(healthStates.filter((state) => state !== 'unknown'))(
    'H1: silence makes %s unknown, to the millisecond',
    (state) => {
      const health = live(healthMachine, { settings: { staleMs: 4_000 } });
      health.send(completed(state, 'a', health.now()));
      health.advance(3_999);
      health.send(completed(state, 'b', health.now()));
      health.advance(3_999);
      expect(health.state()).toBe(state);
      health.advance(1);
      expect(health.state()).toBe('unknown');
      expect(health.context().checks).toEqual({});
      expect(health.timers()).toBe(0);
    },
  );

  it('H5: a restart in between does not matter', () => {
    const health = live(healthMachine, { settings: { staleMs: 4_000 } });
    health.send(completed('ok', 'a', health.now()));
    health.advance(1_000);
    health.restart({ goneMs: 2_000 });
    health.advance(999);
    expect(health.state()).toBe('ok');
    health.advance(1);
    expect(health.state()).toBe('unknown');
  });

  it('H1: after silence the first result counts at once again', () => {
    const health = live(healthMachine, {});
    health.send(completed('ok', 'a', health.now()));
    health.advance(15_000);
    health.send(completed('failing', 'a', health.now()));
    expect(health.visited).toEqual(['unknown', 'ok', 'unknown', 'failing']);
  });
});

describe('health - settings', () => {
  it.each([
    ['worseAfter', 0],
    ['betterAfter', 0.5],
    ['staleMs', -1],
  ])('%s %s is refused by name', (option, value) => {
    expect(() => healthSettings({ [option]: value })).toThrow(SettingsError);
    expect(() => healthSettings({ [option]: value })).toThrow(`${option} must be`);
  });
});
