/**
 * Pressure: how close a capability is to more work than it can do, in four levels that do not flap.
 *
 *   L1  A measurement at or above a level's threshold puts it on that level at once, however many levels up.
 *   L2  It falls by one level at a time.
 *   L3  It leaves a level only after `settleMs` of measurements, every one of them more than `gap` below the level's threshold.
 *   L4  Between that and the threshold a measurement changes no level.
 *   L5  A measurement that is older than the last one, or no number, changes nothing.
 *   L6  Values that stay within a band narrower than `gap` never make it rise after it fell.
 *
 * ```
 *   normal ◀──▶ elevated ◀──▶ high ◀──▶ critical        up at once, also by two or three; down one by one, after settleMs
 * ```
 *
 * It has no timers: it falls on evidence, not on silence, and a persisted snapshot goes on as if nothing had happened. Who
 * wants a level to end with its measurements lets the published value expire.
 */
import { assign, type SnapshotFrom, setup } from 'xstate';
import { type PressureSettings, pressureSettings } from './settings.ts';

/** From low to high. */
export const pressureLevels = ['normal', 'elevated', 'high', 'critical'] as const;

export type PressureLevel = (typeof pressureLevels)[number];

export interface PressureInput {
  /** See `pressureSettings`; missing ones have its defaults. */
  readonly settings?: Partial<PressureSettings>;
}

export interface PressureContext {
  readonly settings: PressureSettings;
  /** As measured last; 0 before the first. */
  readonly value: number;
  /** Of the last measurement; null before the first. */
  readonly at: number | null;
  /** Since when every measurement was low enough to leave the present level; null when the last one was not. */
  readonly calmSince: number | null;
}

/** `value`: 0 is idle and 1 is full; more than that is full too. `at`: Unix time in ms. */
export type PressureEvent = { readonly type: 'pressure.measured'; readonly value: number; readonly at: number };

interface Present {
  readonly context: PressureContext;
  readonly event: PressureEvent;
}

/** A level that can be left downwards, by the name of its threshold. */
type Threshold = 'elevatedAt' | 'highAt' | 'criticalAt';

function calmSince({ context, event }: Present): number {
  return context.calmSince ?? event.at;
}

const machineSetup = setup({
  types: {
    context: {} as PressureContext,
    events: {} as PressureEvent,
    input: {} as PressureInput,
  },
  actions: {
    noteMeasurement: assign(({ event }) => ({ value: event.value, at: event.at })),
    noteCalm: assign({ calmSince: (present) => calmSince(present) }),
    endCalm: assign({ calmSince: null }),
  },
  guards: {
    isUseless: ({ context, event }) => Number.isNaN(event.value) || (context.at !== null && event.at < context.at),
    isElevated: ({ context, event }) => event.value >= context.settings.elevatedAt,
    isHigh: ({ context, event }) => event.value >= context.settings.highAt,
    isCritical: ({ context, event }) => event.value >= context.settings.criticalAt,
    /** Too high for leaving the level of that threshold. */
    isRestless: ({ context: { settings }, event }, { threshold }: { threshold: Threshold }) =>
      event.value >= settings[threshold] - settings.gap,
    hasSettled: (present) => present.event.at - calmSince(present) >= present.context.settings.settleMs,
  },
});

/** A transition without target and action: the event is taken, and changes nothing. */
const useless = { guard: 'isUseless' } as const;

const restless = ['noteMeasurement', 'endCalm'] as const;
const toElevated = { guard: 'isElevated', target: 'elevated', actions: restless } as const;
const toHigh = { guard: 'isHigh', target: 'high', actions: restless } as const;
const toCritical = { guard: 'isCritical', target: 'critical', actions: restless } as const;
const calm = { actions: ['noteMeasurement', 'noteCalm'] } as const;

function stayAbove<T extends Threshold>(threshold: T) {
  return { guard: { type: 'isRestless', params: { threshold } }, actions: restless } as const;
}

function fallTo<T extends PressureLevel>(target: T) {
  return { guard: 'hasSettled', target, actions: restless } as const;
}

export const pressureMachine = machineSetup.createMachine({
  id: 'pressure',
  version: '1',
  context: ({ input }) => ({ settings: pressureSettings(input.settings), value: 0, at: null, calmSince: null }),
  initial: 'normal',
  states: {
    normal: {
      on: { 'pressure.measured': [useless, toCritical, toHigh, toElevated, { actions: restless }] },
    },
    elevated: {
      on: { 'pressure.measured': [useless, toCritical, toHigh, stayAbove('elevatedAt'), fallTo('normal'), calm] },
    },
    high: {
      on: { 'pressure.measured': [useless, toCritical, stayAbove('highAt'), fallTo('elevated'), calm] },
    },
    critical: {
      on: { 'pressure.measured': [useless, stayAbove('criticalAt'), fallTo('high'), calm] },
    },
  },
});

export type PressureSnapshot = SnapshotFrom<typeof pressureMachine>;
