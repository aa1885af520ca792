/**
 * Camera: keeps one source of pictures open, and knows why it is not.
 *
 *   C1  At most one source is open: a new one is opened only after the last one ended or was told to close.
 *   C2  A fact about an earlier run of the source changes nothing.
 *   C3  Stopped is left by `camera.start` alone; nothing is open and no timer runs in it.
 *   C4  A camera stalls exactly when no picture came for `stallMs`; an attempt that shows nothing within `connectMs` stalls too.
 *   C5  The n-th failure in a row backs off between half and all of min(max, base·2^(n-1)).
 *   C6  Only `stableMs` of streaming, or `camera.start`, makes failures forgotten.
 *   C7  A permanent cause fails the camera; it looks again every `failedRetryMs`, or never when nothing outside can heal it.
 *   C8  A change of format reopens at once and is no failure, provided that the run had pictures.
 *   C9  Throttled is streaming while admission is reduced; throttling never touches the source.
 *   C10 A source that reached its end leaves the camera stopped.
 *
 * ```
 *   stopped ──start──▶ connecting ──opened, picture──▶ streaming ◀──admission──▶ throttled
 *                        ▲   │ │                          │ └──────no picture──┬────┘
 *                        │   │ └──────no picture──────────┼────────▶ stalled ◀─┘
 *                        │   ├───────────ended────────────┤             │ ended
 *                        │   ▼                            ▼             ▼
 *                        ├── failed (permanent)         backingOff ◀────┘
 *                        └────────────────────────────────┘             camera.stop: from everywhere to stopped
 * ```
 *
 * The shell binds two actions. `openSource({ run, attempt })` opens a source once the previous one is gone, and reports every
 * fact with that `run`; `closeSource({ run })` closes it, after which `source.ended` is reported for that run as for every other
 * end. `picture.arrived` is wanted for the first picture of a run, and later as often as a third of `stallMs`: not per picture.
 */
import { assertEvent, assign, enqueueActions, raise, setup } from 'xstate';
import { type EndCause, endCause, reactionTo } from './cause.ts';
import { backoffMs, type CameraTimings, cameraTimings } from './timings.ts';

export const cameraStates = [
  'connecting',
  'streaming',
  'stalled',
  'backingOff',
  'throttled',
  'stopped',
  'failed',
] as const;

export type CameraState = (typeof cameraStates)[number];

export interface CameraInput {
  /** See `cameraTimings`; missing ones have its defaults. */
  readonly timings?: Partial<CameraTimings>;
}

export interface CameraContext {
  readonly timings: CameraTimings;
  /** Number of the source that was opened last, from 1; 0 before the first. Never the same twice. */
  readonly run: number;
  /** In a row. */
  readonly failures: number;
  /** Why it does not stream. Null while it does, and after a command. */
  readonly cause: EndCause | null;
  readonly admission: 'full' | 'reduced';
  /** The present wait, when backing off. */
  readonly backoffMs: number;
}

export type CameraEvent =
  | { readonly type: 'camera.start' }
  | { readonly type: 'camera.stop' }
  | { readonly type: 'admission.reduced' }
  | { readonly type: 'admission.restored' }
  | { readonly type: 'source.opened'; readonly run: number }
  | { readonly type: 'picture.arrived'; readonly run: number }
  /** `jitter`: from 0 to 1, drawn by the shell. */
  | { readonly type: 'source.ended'; readonly run: number; readonly cause: EndCause; readonly jitter: number };

/** What the machine tells itself by timer; cancelled when it stops streaming. */
type Timer = { readonly type: 'pictures.missed' } | { readonly type: 'streaming.proved' };

type Present = { readonly event: CameraEvent | Timer };

function unbound(port: string): never {
  throw new Error(`the camera machine's action ${port} is not bound`);
}

function reactionOf({ event }: Present) {
  assertEvent(event, 'source.ended');
  return reactionTo(event.cause);
}

const stalledCause = endCause('stalled', 'no picture came in time');
const timedOutCause = endCause('timed_out', 'no picture came after connecting');

const machineSetup = setup({
  types: {
    context: {} as CameraContext,
    events: {} as CameraEvent | Timer,
    input: {} as CameraInput,
  },
  actions: {
    openSource: (_, _params: { run: number; attempt: number }) => unbound('openSource'),
    closeSource: (_, _params: { run: number }) => unbound('closeSource'),
    numberRun: assign({ run: ({ context }) => context.run + 1 }),
    noteCause: assign(({ event }) => {
      assertEvent(event, 'source.ended');
      return { cause: event.cause };
    }),
    noteStall: assign({ cause: stalledCause }),
    noteTimeout: assign({ cause: timedOutCause }),
    forgetCause: assign({ cause: null }),
    countFailure: assign(({ context, event }) => {
      assertEvent(event, 'source.ended');
      const failures = context.failures + 1;
      return { failures, backoffMs: backoffMs(context.timings, failures, event.jitter) };
    }),
    forgetFailures: assign({ failures: 0 }),
    reduceAdmission: assign({ admission: 'reduced' }),
    restoreAdmission: assign({ admission: 'full' }),
    watchPictures: enqueueActions(({ context, enqueue }) => {
      enqueue.cancel('watch');
      if (!Number.isFinite(context.timings.stallMs)) return;
      enqueue.raise({ type: 'pictures.missed' }, { id: 'watch', delay: context.timings.stallMs });
    }),
    proveStreaming: raise({ type: 'streaming.proved' }, { id: 'proof', delay: 'stableMs' }),
    endWatch: enqueueActions(({ enqueue }) => {
      enqueue.cancel('watch');
      enqueue.cancel('proof');
    }),
  },
  guards: {
    isOfEarlierRun: ({ context, event }) => 'run' in event && event.run !== context.run,
    isAdmissionReduced: ({ context }) => context.admission === 'reduced',
    isFinished: (present: Present) => reactionOf(present) === 'finish',
    isFormatChange: (present: Present) => reactionOf(present) === 'reopen',
    isPermanent: ({ event }: Present) => {
      assertEvent(event, 'source.ended');
      return event.cause.permanent;
    },
    canHeal: ({ context }) => context.cause !== null && reactionTo(context.cause) === 'retrySlowly',
  },
  delays: {
    connectMs: ({ context }) => context.timings.connectMs,
    stableMs: ({ context }) => context.timings.stableMs,
    failedRetryMs: ({ context }) => context.timings.failedRetryMs,
    backoffMs: ({ context }) => context.backoffMs,
  },
});

/** A transition without target and action: the event is taken, and changes nothing. */
const ignored = { guard: 'isOfEarlierRun' } as const;

const open = {
  type: 'openSource',
  params: ({ context }: { context: CameraContext }) => ({ run: context.run, attempt: context.failures + 1 }),
} as const;

const close = {
  type: 'closeSource',
  params: ({ context }: { context: CameraContext }) => ({ run: context.run }),
} as const;

const shown = [
  ignored,
  { guard: 'isAdmissionReduced', target: 'throttled', actions: ['forgetCause', 'watchPictures', 'proveStreaming'] },
  { target: 'streaming', actions: ['forgetCause', 'watchPictures', 'proveStreaming'] },
] as const;

const failures = [
  { guard: 'isFinished', target: 'stopped', actions: 'noteCause' },
  { guard: 'isPermanent', target: 'failed', actions: ['noteCause', 'countFailure'] },
  { target: 'backingOff', actions: ['noteCause', 'countFailure'] },
] as const;

/** While pictures flow, admitted in full or in part. */
const flowing = {
  'picture.arrived': [ignored, { actions: 'watchPictures' }],
  'pictures.missed': { target: 'stalled', actions: ['noteStall', close] },
  'streaming.proved': { actions: 'forgetFailures' },
  'source.ended': [ignored, { guard: 'isFormatChange', target: 'connecting', actions: 'noteCause' }, ...failures],
  'camera.stop': { target: 'stopped', actions: ['forgetCause', close] },
} as const;

const startAgain = { target: 'connecting', actions: ['forgetFailures', 'forgetCause'] } as const;
const stop = { target: 'stopped', actions: 'forgetCause' } as const;

export const cameraMachine = machineSetup.createMachine({
  id: 'camera',
  context: ({ input }) => ({
    timings: cameraTimings(input.timings),
    run: 0,
    failures: 0,
    cause: null,
    admission: 'full',
    backoffMs: 0,
  }),
  initial: 'stopped',
  on: {
    'admission.reduced': { actions: 'reduceAdmission' },
    'admission.restored': { actions: 'restoreAdmission' },
  },
  states: {
    stopped: {
      entry: 'endWatch',
      on: { 'camera.start': startAgain },
    },
    connecting: {
      entry: ['endWatch', 'numberRun', open],
      after: { connectMs: { target: 'stalled', actions: ['noteTimeout', close] } },
      on: {
        'source.opened': shown,
        'picture.arrived': shown,
        'source.ended': [ignored, ...failures],
        'camera.stop': { target: 'stopped', actions: ['forgetCause', close] },
      },
    },
    streaming: {
      on: { ...flowing, 'admission.reduced': { target: 'throttled', actions: 'reduceAdmission' } },
    },
    throttled: {
      on: { ...flowing, 'admission.restored': { target: 'streaming', actions: 'restoreAdmission' } },
    },
    stalled: {
      entry: 'endWatch',
      // The source is closing; its own last words do not replace the cause.
      on: {
        'source.ended': [ignored, { target: 'backingOff', actions: 'countFailure' }],
        'camera.stop': stop,
      },
    },
    backingOff: {
      entry: 'endWatch',
      after: { backoffMs: 'connecting' },
      on: { 'camera.start': startAgain, 'camera.stop': stop },
    },
    failed: {
      entry: 'endWatch',
      after: { failedRetryMs: { guard: 'canHeal', target: 'connecting' } },
      on: { 'camera.start': startAgain, 'camera.stop': stop },
    },
  },
});
