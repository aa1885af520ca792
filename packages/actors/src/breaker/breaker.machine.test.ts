import { describe, expect, it } from 'vitest';
import { live, T0 } from '../../tests/live.ts';
import { type AnyEvent, outcomeOf } from '../../tests/pure.ts';
import { SettingsError } from '../bounds.ts';
import { admissible, type BreakerContext, type BreakerState, breakerMachine, canAdmit } from './breaker.machine.ts';
import { breakerSettings } from './settings.ts';

type Event = AnyEvent<typeof breakerMachine>;

const recovered = { type: 'xstate.after.recoveryMs.breaker.open' } as const;
const failed = (count?: number, era?: number) => ({ type: 'call.failed', at: T0, count: count ?? 1, era }) as const;
const succeeded = (count?: number, era?: number) => ({ type: 'call.succeeded', count: count ?? 1, era }) as const;
const admitted = (count = 1) => ({ type: 'call.admitted', at: T0, count }) as const;
const reset = { type: 'breaker.reset' } as const;

/** What leads there; eras are 0, 1, 2. */
const leadTo = { closed: [], open: [failed(5)], halfOpen: [failed(5), recovered] } as const;

interface Row {
  readonly title: string;
  readonly events: readonly Event[];
  readonly value: BreakerState;
  readonly context?: Partial<BreakerContext>;
  readonly actions?: readonly string[];
}

const rows: readonly Row[] = [
  { title: 'is closed at first', events: [], value: 'closed', context: { era: 0, failures: 0 } },
  { title: 'B4: four failures do not open it', events: [failed(4)], value: 'closed', context: { failures: 4 } },
  {
    title: 'B4: the fifth does, and recovery begins',
    events: [failed(), failed(), failed(2), failed()],
    value: 'open',
    context: { era: 1, failures: 0, openedAt: T0 },
    actions: ['wait recoveryMs 30000'],
  },
  { title: 'B4: so do more than five', events: [failed(7)], value: 'open', actions: ['wait recoveryMs 30000'] },
  {
    title: 'B4: one by one when no count is given',
    events: [{ type: 'call.failed', at: T0 }],
    value: 'closed',
    context: { failures: 1 },
  },
  {
    title: 'B4: a success in between makes the count start anew',
    events: [failed(4), succeeded(), failed(4)],
    value: 'closed',
    context: { failures: 4 },
  },
  {
    title: 'B5: a failure of an earlier era',
    events: [failed(4), failed(1, -1)],
    value: 'closed',
    context: { failures: 4 },
  },
  {
    title: 'B5: a success of an earlier era',
    events: [failed(4), succeeded(1, -1)],
    value: 'closed',
    context: { failures: 4 },
  },
  {
    title: 'B5: a failure of this era',
    events: [failed(4, 0), failed(1, 0)],
    value: 'open',
    actions: ['wait recoveryMs 30000'],
  },
  {
    title: 'a count of none says nothing',
    events: [failed(4), failed(0), succeeded(0)],
    value: 'closed',
    context: { failures: 4 },
  },
  {
    title: 'nor does a broken one',
    events: [failed(4), failed(Number.NaN), failed(1.5), failed(-3)],
    value: 'closed',
    context: { failures: 4 },
  },
  {
    title: 'an admission while closed',
    events: [failed(4), admitted()],
    value: 'closed',
    context: { failures: 4, trials: 0 },
  },
  { title: 'B1: a failure while open', events: [...leadTo.open, failed(9, 1)], value: 'open', context: { era: 1 } },
  { title: 'B1: a success while open', events: [...leadTo.open, succeeded(9, 1)], value: 'open', context: { era: 1 } },
  { title: 'B1: an admission while open', events: [...leadTo.open, admitted()], value: 'open', context: { trials: 0 } },
  {
    title: 'B1: recoveryMs makes it try',
    events: leadTo.halfOpen,
    value: 'halfOpen',
    context: { era: 2, trials: 0 },
    actions: ['cancel recoveryMs'],
  },
  {
    title: 'B2: a trial, watched',
    events: [...leadTo.halfOpen, admitted()],
    value: 'halfOpen',
    context: { trials: 1, triedAt: T0 },
    actions: ['cancel trials', 'wait trials.silenced 30000'],
  },
  {
    title: 'B2: a third trial',
    events: [...leadTo.halfOpen, admitted(2), admitted()],
    value: 'halfOpen',
    context: { trials: 3 },
    actions: ['cancel trials', 'wait trials.silenced 30000'],
  },
  {
    title: 'B2: a fourth trial',
    events: [...leadTo.halfOpen, admitted(3), admitted()],
    value: 'halfOpen',
    context: { trials: 3 },
  },
  {
    title: 'B2: more at once than it admits',
    events: [...leadTo.halfOpen, admitted(4)],
    value: 'halfOpen',
    context: { trials: 0 },
  },
  { title: 'B2: none at all', events: [...leadTo.halfOpen, admitted(0)], value: 'halfOpen', context: { trials: 0 } },
  {
    title: 'B3: two successes do not close it',
    events: [...leadTo.halfOpen, admitted(3), succeeded(2, 2)],
    value: 'halfOpen',
    context: { trials: 1, successes: 2 },
  },
  {
    title: 'B3: the watch ends with the last trial',
    events: [...leadTo.halfOpen, admitted(2), succeeded(2, 2)],
    value: 'halfOpen',
    context: { trials: 0, successes: 2 },
    actions: ['cancel trials'],
  },
  {
    title: 'B3: the third closes it',
    events: [...leadTo.halfOpen, admitted(2), succeeded(2, 2), admitted(), succeeded(1, 2)],
    value: 'closed',
    context: { era: 3, failures: 0, successes: 0, trials: 0 },
    actions: ['cancel trials'],
  },
  {
    title: 'B3: three at once close it',
    events: [...leadTo.halfOpen, admitted(3), succeeded(3, 2)],
    value: 'closed',
    actions: ['cancel trials'],
  },
  {
    title: 'B3: a failed trial reopens it',
    events: [...leadTo.halfOpen, admitted(3), succeeded(2, 2), { ...failed(1, 2), at: T0 + 7 }],
    value: 'open',
    context: { era: 3, openedAt: T0 + 7 },
    actions: ['cancel trials', 'wait recoveryMs 30000'],
  },
  {
    title: 'B3: successes of calls that nobody admitted',
    events: [...leadTo.halfOpen, admitted(), succeeded(3, 2)],
    value: 'halfOpen',
    context: { successes: 1, trials: 0 },
    actions: ['cancel trials'],
  },
  {
    title: 'B3: a success without trial',
    events: [...leadTo.halfOpen, succeeded(3, 2)],
    value: 'halfOpen',
    context: { successes: 0 },
  },
  {
    title: 'B3: a failure without trial',
    events: [...leadTo.halfOpen, failed(3, 2)],
    value: 'halfOpen',
    context: { era: 2 },
  },
  {
    title: 'B5: a late success while half-open',
    events: [...leadTo.halfOpen, admitted(3), succeeded(3, 0)],
    value: 'halfOpen',
    context: { trials: 3, successes: 0 },
  },
  {
    title: 'B5: a late failure while half-open',
    events: [...leadTo.halfOpen, admitted(3), failed(3, 0)],
    value: 'halfOpen',
    context: { trials: 3 },
  },
  {
    title: 'B5: a failure of nobody knows when is no trial',
    events: [...leadTo.halfOpen, admitted(3), failed()],
    value: 'halfOpen',
    context: { trials: 3 },
  },
  {
    title: 'B5: a success of nobody knows when is no trial',
    events: [...leadTo.halfOpen, admitted(3), succeeded(3)],
    value: 'halfOpen',
    context: { successes: 0 },
  },
  { title: 'B7: reset while closed', events: [failed(4), reset], value: 'closed', context: { failures: 0 } },
  {
    title: 'B7: reset while open',
    events: [...leadTo.open, reset],
    value: 'closed',
    context: { era: 2 },
    actions: ['cancel recoveryMs'],
  },
  {
    title: 'B7: reset while half-open',
    events: [...leadTo.halfOpen, admitted(2), reset],
    value: 'closed',
    context: { trials: 0 },
    actions: ['cancel trials'],
  },
  {
    title: 'B8: what is left of a recovery',
    events: [...leadTo.open, { type: 'clock.resumed', at: T0 + 20_000 }],
    value: 'open',
    context: { openedAt: T0 },
    actions: ['cancel recoveryMs', 'wait recoveryMs 10000'],
  },
  {
    title: 'B8: nothing is left',
    events: [...leadTo.open, { type: 'clock.resumed', at: T0 + 90_000 }],
    value: 'open',
    actions: ['cancel recoveryMs', 'wait recoveryMs 0'],
  },
  {
    title: 'B8: a clock that was set back',
    events: [...leadTo.open, { type: 'clock.resumed', at: 5 }],
    value: 'open',
    actions: ['cancel recoveryMs', 'wait recoveryMs 30000'],
  },
  {
    title: 'B8: what is left of a trial',
    events: [...leadTo.halfOpen, admitted(), { type: 'clock.resumed', at: T0 + 20_000 }],
    value: 'halfOpen',
    actions: ['cancel trials', 'wait trials.silenced 10000'],
  },
  {
    title: 'B8: no trial, no watch',
    events: [...leadTo.halfOpen, { type: 'clock.resumed', at: T0 }],
    value: 'halfOpen',
    actions: ['cancel trials'],
  },
];

describe('breaker - what an event makes of it', () => {
  it.each(rows)('$title', ({ events, value, context = {}, actions = [] }) => {
    const outcome = outcomeOf(breakerMachine, {}, events);
    expect(outcome.value).toBe(value);
    expect(outcome.context).toMatchObject(context);
    expect(outcome.actions).toEqual(actions);
  });
});

describe('breaker - what it admits', () => {
  it.each<[string, readonly Event[], number]>([
    ['everything while closed', leadTo.closed, Number.POSITIVE_INFINITY],
    ['nothing while open', leadTo.open, 0],
    ['trialCalls while half-open', leadTo.halfOpen, 3],
    ['those that are free', [...leadTo.halfOpen, admitted(2)], 1],
    ['none when all are under way', [...leadTo.halfOpen, admitted(3)], 0],
  ])('%s', (_, events, calls) => {
    const { snapshot } = outcomeOf(breakerMachine, {}, events);
    expect(admissible(snapshot)).toBe(calls);
    expect(canAdmit(snapshot)).toBe(calls > 0);
  });
});

describe('breaker - time', () => {
  const settings = { recoveryMs: 20_000, trialMs: 8_000 };

  function opened() {
    const breaker = live(breakerMachine, { settings });
    breaker.send({ type: 'call.failed', at: breaker.now(), count: 5 });
    return breaker;
  }

  it('B1: stays open for recoveryMs', () => {
    const breaker = opened();
    breaker.advance(19_999);
    expect(breaker.state()).toBe('open');
    breaker.advance(1);
    expect(breaker.state()).toBe('halfOpen');
    expect(breaker.timers()).toBe(0);
  });

  it('B6: trials that say nothing for trialMs reopen it, as of then', () => {
    const breaker = opened();
    breaker.advance(20_000);
    breaker.advance(100_000);
    expect(breaker.state()).toBe('halfOpen');
    breaker.send({ type: 'call.admitted', at: breaker.now() });
    breaker.advance(7_999);
    expect(breaker.state()).toBe('halfOpen');
    breaker.advance(1);
    expect(breaker.state()).toBe('open');
    expect(breaker.context().openedAt).toBe(breaker.now());
  });

  it('B6: a further admission begins the wait anew', () => {
    const breaker = opened();
    breaker.advance(20_000);
    breaker.send({ type: 'call.admitted', at: breaker.now() });
    breaker.advance(7_999);
    breaker.send({ type: 'call.admitted', at: breaker.now() });
    breaker.advance(7_999);
    expect(breaker.state()).toBe('halfOpen');
    breaker.advance(1);
    expect(breaker.state()).toBe('open');
  });

  it('B8: without being told the time a restored breaker would stay open forever', () => {
    const breaker = opened();
    breaker.restart({ mute: true });
    breaker.advance(1_000_000);
    expect(breaker.state()).toBe('open');
  });

  it('the whole life, in order', () => {
    const breaker = opened();
    breaker.advance(20_000);
    breaker.send({ type: 'call.admitted', at: breaker.now() });
    breaker.send({ type: 'call.failed', at: breaker.now(), era: breaker.context().era });
    breaker.advance(20_000);
    breaker.send({ type: 'call.admitted', at: breaker.now(), count: 3 });
    breaker.send({ type: 'call.succeeded', count: 3, era: breaker.context().era });
    expect(breaker.visited).toEqual(['closed', 'open', 'halfOpen', 'open', 'halfOpen', 'closed']);
  });
});

describe('breaker - settings', () => {
  it.each([
    ['failuresToOpen', 0],
    ['recoveryMs', 0],
    ['recoveryMs', Number.POSITIVE_INFINITY],
    ['trialCalls', 1.5],
    ['successesToClose', -1],
    ['trialMs', Number.NaN],
  ])('%s %s is refused by name', (option, value) => {
    expect(() => breakerSettings({ [option]: value })).toThrow(SettingsError);
    expect(() => breakerSettings({ [option]: value })).toThrow(`${option} must be`);
  });
});
