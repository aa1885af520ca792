/**
 * Health: what a set of checks says about one thing, without flapping.
 *
 *   H1  It is unknown until the first check completes, and again when none has completed for `staleMs` or none is left.
 *   H2  Otherwise it is the worst level among its checks.
 *   H3  A check has its first result's level at once; after that it gets worse only after `worseAfter` results in a row that
 *       are worse, and better only after `betterAfter` results in a row that are better.
 *   H4  A result that is older than the check's last one changes nothing.
 *   H5  A restart neither lengthens nor shortens the time until silence makes it unknown.
 *
 * ```
 *   unknown ──first result──▶ ok ◀──▶ degraded ◀──▶ failing        (ok ◀──▶ failing too: the worst check decides)
 *      ▲                      │          │             │
 *      └──── staleMs without any result, no check left ┘
 * ```
 *
 * Whoever runs the checks reports one that does not answer as failing: silence of a single check is not seen here. Timers are
 * not part of a persisted snapshot: after a restart the host sends `clock.resumed`.
 */
import { assertEvent, assign, cancel, raise, type SnapshotFrom, setup } from 'xstate';
import { type CheckResult, type Checks, isOutdated, withoutCheck, withResult, worstLevel } from './checks.ts';
import { type HealthSettings, healthSettings } from './settings.ts';

export const healthStates = ['unknown', 'ok', 'degraded', 'failing'] as const;

export type HealthState = (typeof healthStates)[number];

export interface HealthInput {
  /** See `healthSettings`; missing ones have its defaults. */
  readonly settings?: Partial<HealthSettings>;
}

export interface HealthContext {
  readonly settings: HealthSettings;
  readonly checks: Checks;
  /** Of the newest result, Unix time in ms; 0 before the first. */
  readonly at: number;
}

/** Every `at` is a Unix time in ms of one clock of the host's choice. */
export type HealthEvent =
  | ({ readonly type: 'check.completed' } & CheckResult)
  /** The check is no longer made. */
  | { readonly type: 'check.removed'; readonly check: string }
  /** A persisted snapshot goes on living. */
  | { readonly type: 'clock.resumed'; readonly at: number };

/** What the machine tells itself by timer. */
type Timer = { readonly type: 'checks.silenced' };

const machineSetup = setup({
  types: {
    context: {} as HealthContext,
    events: {} as HealthEvent | Timer,
    input: {} as HealthInput,
  },
  actions: {
    noteResult: assign(({ context, event }) => {
      assertEvent(event, 'check.completed');
      return {
        checks: withResult(context.checks, event, context.settings),
        at: Math.max(context.at, event.at),
      };
    }),
    forgetCheck: assign(({ context, event }) => {
      assertEvent(event, 'check.removed');
      return { checks: withoutCheck(context.checks, event.check) };
    }),
    forgetChecks: assign({ checks: {} }),
    endWatch: cancel('silence'),
    watchSilence: raise({ type: 'checks.silenced' }, { id: 'silence', delay: 'staleMs' }),
  },
  guards: {
    isOutdated: ({ context, event }) => event.type === 'check.completed' && isOutdated(context.checks, event),
    isUnknown: ({ context }) => worstLevel(context.checks) === undefined,
    isOk: ({ context }) => worstLevel(context.checks) === 'ok',
    isDegraded: ({ context }) => worstLevel(context.checks) === 'degraded',
    isFailing: ({ context }) => worstLevel(context.checks) === 'failing',
  },
  delays: {
    staleMs: ({ context, event }) => {
      const { staleMs } = context.settings;
      // A clock that was set back must not make it longer than it was.
      return event.type === 'clock.resumed' ? Math.min(Math.max(context.at + staleMs - event.at, 0), staleMs) : staleMs;
    },
  },
});

const toUnknown = { guard: 'isUnknown', target: 'unknown' } as const;
const toOk = { guard: 'isOk', target: 'ok' } as const;
const toDegraded = { guard: 'isDegraded', target: 'degraded' } as const;
const toFailing = { guard: 'isFailing', target: 'failing' } as const;

const known = {
  'checks.silenced': { actions: 'forgetChecks' },
  'clock.resumed': { actions: ['endWatch', 'watchSilence'] },
} as const;

export const healthMachine = machineSetup.createMachine({
  id: 'health',
  version: '1',
  context: ({ input }) => ({ settings: healthSettings(input.settings), checks: {}, at: 0 }),
  initial: 'unknown',
  on: {
    // A transition without target and action takes the event and changes nothing.
    'check.completed': [{ guard: 'isOutdated' }, { actions: ['noteResult', 'endWatch', 'watchSilence'] }],
    'check.removed': { actions: 'forgetCheck' },
  },
  states: {
    unknown: { entry: 'endWatch', always: [toOk, toDegraded, toFailing] },
    ok: { always: [toUnknown, toDegraded, toFailing], on: known },
    degraded: { always: [toUnknown, toOk, toFailing], on: known },
    failing: { always: [toUnknown, toOk, toDegraded], on: known },
  },
});

export type HealthSnapshot = SnapshotFrom<typeof healthMachine>;
