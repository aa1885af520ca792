/**
 * Processor: whether work may be sent to a processor, and what becomes of its queue when it goes.
 *
 *   P1  A processor that lives by heartbeats is ready or degraded only while one that is believed is younger than `suspectMs`.
 *   P2  After `suspectMs` of silence it is suspect, after `lostMs` lost; a heartbeat makes a suspect one ready again.
 *   P3  Silence while the broker is away, and for `graceMs` after it came back, counts for nothing.
 *   P4  A heartbeat that is of an earlier epoch, from the future, no newer than the last one, older than `suspectMs` or of no
 *       instance changes nothing.
 *   P5  A lost processor is announced and its queue returned, once a loss; it lives again only after `queue.returned`.
 *   P6  It is degraded while a figure is above its bound, until every figure is at most `recoveredShare` of it.
 *   P7  Draining ends in removed, by way of lost when it falls silent; only registering anew brings it back.
 *   P8  It is removed only when its queue is known to be empty and no instance is left, or its queue was returned; then for good.
 *   P9  What is queued for a processor whose instances took their leave waits `returnMs` for new ones, then it is lost.
 *   P10 After a restart a wait has what was left of it, and what may not have been done is done again. A processor that was
 *       ready is lost only after it was suspect for `lostMs - suspectMs` under watch, however long the restart took.
 *
 * ```
 *   registered ──heartbeat──▶ ready ◀──figures──▶ degraded
 *     ▲   ▲                     │  ▲                 │
 *     │   │                     │  └──heartbeat──┐   │
 *     │   │                     └────silence───▶ suspect ──silence──▶ lost
 *     │   └──── instances.left (ready, degraded, suspect)              │ │
 *     └─────────── heartbeat, after queue.returned ────────────────────┘ │ queue.returned, when leaving
 *   processor.drain, processor.deregister ──▶ draining ──empty, left──▶ removed
 * ```
 *
 * The shell binds four actions; each may be asked for again after a restart, so each is idempotent:
 * `provisionQueue` (queue and consumer exist), `announceLost` (out of every route table), `returnQueue` (the queue's tasks go
 * back to their lanes; `queue.returned` follows), `removeQueue` (nothing of the processor is left; a task that slipped in
 * after the last measurement is returned first). Heartbeats are aggregated over all instances: one event, about once a second.
 *
 * Time: every `at` is a Unix time in ms of one clock, best the broker's. Timers run in the actor and are not part of a
 * persisted snapshot: after a restart the host sends `clock.resumed`. Each wait is what is left of it at the event's `at`.
 */
import { assertEvent, assign, type SnapshotFrom, setup } from 'xstate';
import { impairmentsOf } from './figures.ts';
import type { ProcessorContext, ProcessorEvent, ProcessorInput, ProcessorState } from './life.ts';
import { processorSettings } from './settings.ts';

function unbound(port: string): never {
  throw new Error(`the processor machine's action ${port} is not bound`);
}

/** What is left of `ms` from `since` on, when it is `now`; a clock that was set back must not make it longer than `longest`. */
function left(since: number, ms: number, now: number, longest = ms): number {
  return Math.min(Math.max(since + ms - now, 0), longest);
}

/** When the event happened. A timer's event has no `at`; what it was set for has then passed. */
function timeOf(event: ProcessorEvent, timer: number): number {
  return 'at' in event ? event.at : timer;
}

function isWatched({ liveness, broker }: ProcessorContext): boolean {
  return liveness === 'heartbeat' && broker === 'here';
}

const machineSetup = setup({
  types: {
    context: {} as ProcessorContext,
    events: {} as ProcessorEvent,
    input: {} as ProcessorInput,
  },
  actions: {
    provisionQueue: () => unbound('provisionQueue'),
    announceLost: () => unbound('announceLost'),
    returnQueue: () => unbound('returnQueue'),
    removeQueue: () => unbound('removeQueue'),
    noteHeartbeat: assign(({ context, event }) => {
      assertEvent(event, 'heartbeat.arrived');
      const { epoch, instances, sentAt, at } = event;
      const silentSince = Math.max(context.silentSince, Math.min(sentAt, at));
      return { epoch, instances, sentAt, silentSince };
    }),
    noteImpairments: assign(({ context, event }) => {
      assertEvent(event, 'heartbeat.arrived');
      // Recovering takes more than not being impaired, so these are those of the stricter bound.
      return { impairments: impairmentsOf(event, context.settings, context.settings.recoveredShare) };
    }),
    forgetImpairments: assign({ impairments: [] }),
    beginSilence: assign(({ context, event }) => ({
      silentSince: Math.max(context.silentSince, timeOf(event, context.silentSince)),
    })),
    noteQueue: assign(({ event }) => {
      assertEvent(event, 'queue.measured');
      return { tasks: event.tasks };
    }),
    noteRegistration: assign(({ context, event }) => {
      assertEvent(event, 'processor.registered');
      return { epoch: Math.max(context.epoch, event.epoch), liveness: event.liveness, intent: 'stay' };
    }),
    noteDrain: assign(({ event }) => ({ intent: 'leave', tasks: null, drainingSince: timeOf(event, 0) })),
    noteIntentToLeave: assign({ intent: 'leave' }),
    noteOutage: assign({ broker: 'away' }),
    beginGrace: assign(({ context, event }) => ({
      broker: 'here',
      silentSince: Math.max(context.silentSince, timeOf(event, 0) + context.settings.graceMs),
    })),
    noteReturning: assign({ queue: 'returning' }),
    noteReturned: assign({ queue: 'returned', tasks: 0 }),
    noteAbsence: assign({ instances: 0 }),
    forgetTasks: assign({ tasks: null }),
    keepQueue: assign({ queue: 'kept' }),
  },
  guards: {
    isOfEarlierEpoch: ({ context, event }) => event.type === 'heartbeat.arrived' && event.epoch < context.epoch,
    isFromFuture: ({ context, event }) =>
      event.type === 'heartbeat.arrived' && event.sentAt > event.at + context.settings.skewMs,
    isStale: ({ context, event }) =>
      event.type === 'heartbeat.arrived' &&
      (event.instances < 1 || event.sentAt <= context.sentAt || event.at - event.sentAt >= context.settings.suspectMs),
    isTrusted: ({ context }) => context.liveness === 'registration',
    isSilent: ({ context, event }, { wait }: { wait: 'suspectMs' | 'lostMs' }) =>
      isWatched(context) && timeOf(event, Number.POSITIVE_INFINITY) - context.silentSince >= context.settings[wait],
    // A queue that was not measured is empty only if nobody ever worked it.
    isAbandoned: ({ context }) => isWatched(context) && (context.tasks ?? context.sentAt) > 0,
    isImpaired: ({ context, event }) =>
      event.type === 'heartbeat.arrived' && impairmentsOf(event, context.settings).length > 0,
    isRecovered: ({ context, event }) =>
      event.type === 'heartbeat.arrived' &&
      impairmentsOf(event, context.settings, context.settings.recoveredShare).length === 0,
    isEmpty: ({ context }) => context.tasks === 0,
    isDrained: ({ context }) => context.tasks === 0 && context.instances === 0 && context.intent === 'leave',
    isKept: ({ context }) => context.queue === 'kept',
    isReturned: ({ context }) => context.queue === 'returned',
    isReturning: ({ context }) => context.queue === 'returning',
    isLeaving: ({ context }) => context.intent === 'leave',
  },
  delays: {
    suspectMs: ({ context, event }) => {
      const { suspectMs, graceMs } = context.settings;
      return left(context.silentSince, suspectMs, timeOf(event, context.silentSince), suspectMs + graceMs);
    },
    lostMs: ({ context, event }) => {
      const { suspectMs, lostMs, graceMs } = context.settings;
      // Only the timer of `suspectMs` leads to where this one runs.
      return left(context.silentSince, lostMs, timeOf(event, context.silentSince + suspectMs), lostMs + graceMs);
    },
    returnMs: ({ context, event }) => {
      const { returnMs, graceMs } = context.settings;
      return left(context.silentSince, returnMs, timeOf(event, context.silentSince), returnMs + graceMs);
    },
    drainMs: ({ context, event }) =>
      left(context.drainingSince, context.settings.drainMs, timeOf(event, context.drainingSince)),
  },
});

/** Transitions without target and action: the heartbeat is taken, and changes nothing. */
const unbelievable = [{ guard: 'isOfEarlierEpoch' }, { guard: 'isFromFuture' }, { guard: 'isStale' }] as const;

const toReady = { target: 'ready', reenter: true, actions: ['noteHeartbeat', 'forgetImpairments'] } as const;
const toDegraded = { target: 'degraded', reenter: true, actions: ['noteHeartbeat', 'noteImpairments'] } as const;
const proved = [...unbelievable, { guard: 'isImpaired', ...toDegraded }, toReady] as const;

const whenSilent = { guard: { type: 'isSilent', params: { wait: 'suspectMs' } }, target: 'suspect' } as const;
const whenGone = { guard: { type: 'isSilent', params: { wait: 'lostMs' } }, target: 'lost' } as const;

const giveBack = ['noteReturning', 'returnQueue'] as const;

const leaving = {
  'processor.drain': { target: 'draining', actions: 'noteDrain' },
  'processor.deregister': { target: 'draining', actions: ['noteDrain', ...giveBack] },
} as const;

/** Instances took their leave: a queue that nobody works waits for new ones. */
const absent = {
  'instances.left': { target: 'registered', actions: ['noteAbsence', 'forgetTasks', 'beginSilence'] },
} as const;

const leaveOnceReturned = [{ guard: 'isReturned', target: 'removed' }, { actions: 'noteIntentToLeave' }] as const;

/** Entering a state anew sets its timers to what is left of them. */
function waitAnew<T extends ProcessorState>(target: T) {
  return {
    'broker.reconnected': { target, reenter: true, actions: 'beginGrace' },
    'clock.resumed': { target, reenter: true },
  } as const;
}

export const processorMachine = machineSetup.createMachine({
  id: 'processor',
  version: '1',
  context: ({ input }) => ({
    settings: processorSettings(input.settings),
    liveness: input.liveness ?? 'heartbeat',
    epoch: input.epoch ?? 0,
    instances: 0,
    impairments: [],
    sentAt: 0,
    silentSince: input.at ?? 0,
    broker: 'here',
    tasks: null,
    queue: 'kept',
    intent: 'stay',
    drainingSince: 0,
  }),
  initial: 'registered',
  entry: 'provisionQueue',
  on: {
    'queue.measured': { actions: 'noteQueue' },
    'processor.registered': { actions: 'noteRegistration' },
    'broker.disconnected': { actions: 'noteOutage' },
    'broker.reconnected': { actions: 'beginGrace' },
  },
  states: {
    registered: {
      always: { guard: 'isTrusted', target: 'ready' },
      after: { returnMs: { guard: 'isAbandoned', target: 'lost' } },
      on: {
        'heartbeat.arrived': proved,
        'queue.measured': { target: 'registered', reenter: true, actions: 'noteQueue' },
        ...leaving,
        ...waitAnew('registered'),
        'clock.resumed': { target: 'registered', reenter: true, actions: 'provisionQueue' },
      },
    },
    ready: {
      after: { suspectMs: whenSilent },
      on: {
        'heartbeat.arrived': proved,
        'heartbeats.missed': whenSilent,
        ...absent,
        ...leaving,
        ...waitAnew('ready'),
      },
    },
    degraded: {
      after: { suspectMs: whenSilent },
      on: {
        'heartbeat.arrived': [...unbelievable, { guard: 'isRecovered', ...toReady }, toDegraded],
        'heartbeats.missed': whenSilent,
        ...absent,
        ...leaving,
        ...waitAnew('degraded'),
      },
    },
    suspect: {
      after: { lostMs: whenGone },
      on: {
        'heartbeat.arrived': proved,
        'heartbeats.missed': whenGone,
        ...absent,
        ...leaving,
        ...waitAnew('suspect'),
      },
    },
    draining: {
      always: { guard: 'isDrained', target: 'removed' },
      after: {
        lostMs: whenGone,
        drainMs: { guard: 'isKept', actions: giveBack },
      },
      on: {
        'heartbeat.arrived': [...unbelievable, { target: 'draining', reenter: true, actions: 'noteHeartbeat' }],
        'heartbeats.missed': whenGone,
        // Nobody is left who could finish what is queued.
        'instances.left': [
          { guard: 'isEmpty', actions: 'noteAbsence' },
          { guard: 'isKept', actions: ['noteAbsence', ...giveBack] },
          { actions: 'noteAbsence' },
        ],
        'processor.deregister': { guard: 'isKept', actions: giveBack },
        'processor.registered': {
          guard: 'isKept',
          target: 'registered',
          actions: ['noteRegistration', 'beginSilence'],
        },
        'queue.returned': [
          { guard: 'isLeaving', target: 'removed' },
          { target: 'registered', actions: ['keepQueue', 'provisionQueue'] },
        ],
        ...waitAnew('draining'),
        'clock.resumed': [
          { guard: 'isReturning', target: 'draining', reenter: true, actions: 'returnQueue' },
          { target: 'draining', reenter: true },
        ],
      },
    },
    lost: {
      entry: ['noteAbsence', 'forgetTasks', 'noteReturning', 'announceLost', 'returnQueue'],
      on: {
        'queue.returned': [{ guard: 'isLeaving', target: 'removed' }, { actions: 'noteReturned' }],
        'heartbeat.arrived': [
          ...unbelievable,
          { guard: 'isReturned', target: 'registered', actions: ['noteHeartbeat', 'keepQueue', 'provisionQueue'] },
        ],
        'processor.registered': [
          {
            guard: 'isReturned',
            target: 'registered',
            actions: ['noteRegistration', 'beginSilence', 'keepQueue', 'provisionQueue'],
          },
          { actions: 'noteRegistration' },
        ],
        'processor.drain': leaveOnceReturned,
        'processor.deregister': leaveOnceReturned,
        'clock.resumed': { guard: 'isReturning', actions: ['announceLost', 'returnQueue'] },
      },
    },
    removed: {
      entry: 'removeQueue',
      on: { 'clock.resumed': { actions: 'removeQueue' } },
    },
  },
});

export type ProcessorSnapshot = SnapshotFrom<typeof processorMachine>;

/** May new work be sent to it, as far as its life is concerned? */
export function isReceptive(snapshot: ProcessorSnapshot): boolean {
  return snapshot.value === 'ready' || snapshot.value === 'degraded';
}
