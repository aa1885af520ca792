/**
 * Breaker: keeps work away from whatever fails. One definition for the SDK's handler, an orchestrator's route, a gateway's broker.
 *
 *   B1  While open, no call is admitted and no result changes anything: only `recoveryMs` or `breaker.reset` ends it.
 *   B2  Half-open has at most `trialCalls` under way at once.
 *   B3  Only `successesToClose` successful trials in a row close it; one failed trial reopens it.
 *   B4  `failuresToOpen` failures in a row open it at once; one success in between makes the count start anew.
 *   B5  A result of a call that was admitted in an earlier era changes nothing.
 *   B6  Trials that say nothing for `trialMs` have failed.
 *   B7  `breaker.reset` closes it from everywhere, and everything before is forgotten.
 *   B8  A restart neither lengthens nor shortens the time that it stays open.
 *
 * ```
 *             failuresToOpen in a row              recoveryMs
 *   closed ───────────────────────────▶ open ─────────────────────▶ halfOpen
 *     ▲                                  ▲                            │  │
 *     │                                  └── a failed, silent trial ──┘  │
 *     └─────────────── breaker.reset, successesToClose ──────────────────┘
 * ```
 *
 * The host asks `admissible(snapshot)` how many calls may start now. It notes `snapshot.context.era` with those that do, and
 * reports them with it: `call.admitted` is wanted in halfOpen only, `call.succeeded` in closed only when `failures` is above 0.
 * Results are aggregated: `count` is the length of a run of equal results, in the order in which they came. A host that cannot
 * know the era, because somebody else admitted the call, leaves it out: such a result counts while closed, and is no trial.
 *
 * Time: every `at` is a Unix time in ms of one clock of the host's choice. Timers run in the actor and are not part of a
 * persisted snapshot: after a restart the host sends `clock.resumed`, and the breaker waits for what is left of its time.
 */
import { assertEvent, assign, cancel, enqueueActions, type SnapshotFrom, setup } from 'xstate';
import { type BreakerSettings, breakerSettings } from './settings.ts';

export const breakerStates = ['closed', 'open', 'halfOpen'] as const;

export type BreakerState = (typeof breakerStates)[number];

export interface BreakerInput {
  /** See `breakerSettings`; missing ones have its defaults. */
  readonly settings?: Partial<BreakerSettings>;
}

export interface BreakerContext {
  readonly settings: BreakerSettings;
  /** Number of the present state since the beginning, from 0. Never the same twice. */
  readonly era: number;
  /** In a row, while closed. */
  readonly failures: number;
  /** Successful trials in a row, while half-open. */
  readonly successes: number;
  /** Calls under way, while half-open. */
  readonly trials: number;
  /** When the present opening began; 0 before the first. */
  readonly openedAt: number;
  /** When a trial was admitted last; 0 before the first. */
  readonly triedAt: number;
}

interface Result {
  /** `context.era` when the call was admitted. */
  readonly era?: number | undefined;
  /** Results of this kind in a row, 1 when missing. Whole numbers from 1 up, others count as none. */
  readonly count?: number;
}

export type BreakerEvent =
  | { readonly type: 'call.admitted'; readonly count?: number; readonly at: number }
  | ({ readonly type: 'call.succeeded' } & Result)
  | ({ readonly type: 'call.failed'; readonly at: number } & Result)
  | { readonly type: 'breaker.reset' }
  /** A persisted snapshot goes on living. */
  | { readonly type: 'clock.resumed'; readonly at: number };

/** What the machine tells itself by timer. */
type Timer = { readonly type: 'trials.silenced' };

interface Present {
  readonly context: BreakerContext;
  readonly event: BreakerEvent | Timer;
}

/** What results and admissions have in common; the others have neither. */
type Counted = { readonly type: string; readonly count?: number | undefined; readonly era?: number | undefined };

function countOf({ event }: Present): number {
  const { count = 1 }: Counted = event;
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

function isEraKnown({ event }: Present): boolean {
  const { era }: Counted = event;
  return era !== undefined;
}

function isOfThisEra({ context, event }: Present): boolean {
  const { era }: Counted = event;
  return era === context.era;
}

function trialsLeft(context: BreakerContext): number {
  return context.settings.trialCalls - context.trials;
}

/** Results of trials that are under way: surplus ones belong to calls that nobody admitted. */
function trialResults(present: Present): number {
  return Math.min(countOf(present), present.context.trials);
}

/** Of `ms` from `since` on, after a restart. A clock that was set back must not make it longer than it was. */
function left(since: number, ms: number, event: BreakerEvent | Timer): number {
  return event.type === 'clock.resumed' ? Math.min(Math.max(since + ms - event.at, 0), ms) : ms;
}

const machineSetup = setup({
  types: {
    context: {} as BreakerContext,
    events: {} as BreakerEvent | Timer,
    input: {} as BreakerInput,
  },
  actions: {
    beginEra: assign(({ context }) => ({ era: context.era + 1, failures: 0, successes: 0, trials: 0 })),
    countFailures: assign((present) => ({ failures: present.context.failures + countOf(present) })),
    forgetFailures: assign({ failures: 0 }),
    countTrials: assign((present) => ({ trials: present.context.trials + countOf(present) })),
    noteTrial: assign(({ event }) => {
      assertEvent(event, 'call.admitted');
      return { triedAt: event.at };
    }),
    countSuccesses: assign((present) => ({
      trials: present.context.trials - trialResults(present),
      successes: present.context.successes + trialResults(present),
    })),
    noteOpening: assign(({ context, event }) => ({
      openedAt: event.type === 'call.failed' ? event.at : context.triedAt + context.settings.trialMs,
    })),
    watchTrials: enqueueActions(({ context, enqueue }) => {
      enqueue.cancel('trials');
      if (context.trials > 0) enqueue.raise({ type: 'trials.silenced' }, { id: 'trials', delay: 'trialMs' });
    }),
    endIdleWatch: enqueueActions(({ context, enqueue }) => {
      if (context.trials === 0) enqueue.cancel('trials');
    }),
    endWatch: cancel('trials'),
  },
  guards: {
    /** It says nothing, or nothing of now. */
    isVoid: (present) => countOf(present) === 0 || (isEraKnown(present) && !isOfThisEra(present)),
    /** Not the result of a trial that is under way. */
    isStray: (present) => !isOfThisEra(present) || trialResults(present) === 0,
    isAdmissible: (present) => countOf(present) > 0 && countOf(present) <= trialsLeft(present.context),
    isLastStraw: (present) => present.context.failures + countOf(present) >= present.context.settings.failuresToOpen,
    isProved: (present) =>
      present.context.successes + trialResults(present) >= present.context.settings.successesToClose,
  },
  delays: {
    recoveryMs: ({ context, event }) => left(context.openedAt, context.settings.recoveryMs, event),
    trialMs: ({ context, event }) => left(context.triedAt, context.settings.trialMs, event),
  },
});

const reopen = { target: 'open', actions: 'noteOpening' } as const;

export const breakerMachine = machineSetup.createMachine({
  id: 'breaker',
  version: '1',
  context: ({ input }) => ({
    settings: breakerSettings(input.settings),
    era: -1,
    failures: 0,
    successes: 0,
    trials: 0,
    openedAt: 0,
    triedAt: 0,
  }),
  initial: 'closed',
  on: { 'breaker.reset': '.closed' },
  // A transition without target and action takes the event and changes nothing.
  states: {
    closed: {
      entry: 'beginEra',
      on: {
        'call.succeeded': [{ guard: 'isVoid' }, { actions: 'forgetFailures' }],
        'call.failed': [{ guard: 'isVoid' }, { guard: 'isLastStraw', ...reopen }, { actions: 'countFailures' }],
      },
    },
    open: {
      entry: 'beginEra',
      after: { recoveryMs: 'halfOpen' },
      on: { 'clock.resumed': { target: 'open', reenter: true } },
    },
    halfOpen: {
      entry: 'beginEra',
      exit: 'endWatch',
      on: {
        'call.admitted': { guard: 'isAdmissible', actions: ['countTrials', 'noteTrial', 'watchTrials'] },
        'call.succeeded': [
          { guard: 'isStray' },
          { guard: 'isProved', target: 'closed' },
          { actions: ['countSuccesses', 'endIdleWatch'] },
        ],
        'call.failed': [{ guard: 'isStray' }, reopen],
        'trials.silenced': reopen,
        'clock.resumed': { actions: 'watchTrials' },
      },
    },
  },
});

export type BreakerSnapshot = SnapshotFrom<typeof breakerMachine>;

/** Calls that the breaker would admit now: all (`Infinity`) while closed, none while open, the free trials in between. */
export function admissible(snapshot: BreakerSnapshot): number {
  switch (snapshot.value) {
    case 'closed':
      return Number.POSITIVE_INFINITY;
    case 'open':
      return 0;
    case 'halfOpen':
      return trialsLeft(snapshot.context);
  }
}

export function canAdmit(snapshot: BreakerSnapshot): boolean {
  return admissible(snapshot) > 0;
}
