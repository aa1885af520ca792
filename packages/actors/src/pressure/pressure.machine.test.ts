import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../tests/pure.ts';
import { SettingsError } from '../bounds.ts';
import { type PressureContext, type PressureLevel, pressureMachine } from './pressure.machine.ts';
import { pressureSettings } from './settings.ts';

/** Values measured at a time in ms. */
type Measurements = readonly (readonly [at: number, value: number])[];

interface Row {
  readonly title: string;
  readonly measured: Measurements;
  readonly value: PressureLevel;
  readonly context?: Partial<PressureContext>;
}

const rows: readonly Row[] = [
  { title: 'is normal at first', measured: [], value: 'normal', context: { value: 0, at: null, calmSince: null } },
  { title: 'notes what it hears', measured: [[7, 0.59]], value: 'normal', context: { value: 0.59, at: 7 } },
  { title: 'L1: up by one', measured: [[0, 0.6]], value: 'elevated', context: { value: 0.6 } },
  { title: 'L1: below the second threshold', measured: [[0, 0.79]], value: 'elevated' },
  { title: 'L1: up by two', measured: [[0, 0.8]], value: 'high' },
  { title: 'L1: below the third threshold', measured: [[0, 0.94]], value: 'high' },
  { title: 'L1: up by three', measured: [[0, 0.95]], value: 'critical' },
  { title: 'L1: more than full', measured: [[0, 7]], value: 'critical', context: { value: 7 } },
  {
    title: 'L1: from elevated to high',
    measured: [
      [0, 0.6],
      [0, 0.8],
    ],
    value: 'high',
  },
  {
    title: 'L1: from elevated to critical',
    measured: [
      [0, 0.6],
      [0, 1],
    ],
    value: 'critical',
  },
  {
    title: 'L1: from high to critical',
    measured: [
      [0, 0.8],
      [0, 0.95],
    ],
    value: 'critical',
  },
  {
    title: 'L2: down by one, whatever the value',
    measured: [
      [0, 1],
      [1, 0],
      [5_001, 0],
    ],
    value: 'high',
  },
  {
    title: 'L2: and by one more, each after its time',
    measured: [
      [0, 1],
      [1, 0],
      [5_001, 0],
      [5_002, 0],
      [10_002, 0],
    ],
    value: 'elevated',
  },
  {
    title: 'L2: the time of the next level begins after the fall',
    measured: [
      [0, 1],
      [1, 0],
      [5_001, 0],
      [5_002, 0],
      [10_001, 0],
    ],
    value: 'high',
    context: { calmSince: 5_002 },
  },
  {
    title: 'L2: down to normal',
    measured: [
      [0, 0.6],
      [1, 0],
      [5_001, 0],
    ],
    value: 'normal',
    context: { calmSince: null },
  },
  {
    title: 'L3: not before settleMs',
    measured: [
      [0, 0.6],
      [1, 0.4],
      [5_000, 0.4],
    ],
    value: 'elevated',
    context: { calmSince: 1 },
  },
  {
    title: 'L3: not by a single measurement',
    measured: [
      [0, 0.6],
      [90_000, 0],
    ],
    value: 'elevated',
    context: { calmSince: 90_000 },
  },
  {
    title: 'L3: one in between begins anew',
    measured: [
      [0, 0.6],
      [1, 0.4],
      [4_000, 0.55],
      [4_001, 0.4],
      [9_000, 0.4],
    ],
    value: 'elevated',
    context: { calmSince: 4_001 },
  },
  {
    title: 'L4: elevated, in the gap',
    measured: [
      [0, 0.6],
      [1, 0.5],
      [90_000, 0.5],
    ],
    value: 'elevated',
    context: { calmSince: null },
  },
  {
    title: 'L4: high, in the gap',
    measured: [
      [0, 0.8],
      [1, 0.7],
      [90_000, 0.7001],
    ],
    value: 'high',
    context: { calmSince: null },
  },
  {
    title: 'L4: critical, in the gap',
    measured: [
      [0, 0.95],
      [1, 0.86],
      [90_000, 0.86],
    ],
    value: 'critical',
    context: { calmSince: null },
  },
  {
    title: 'L5: an older measurement',
    measured: [
      [50, 0.5],
      [49, 1],
    ],
    value: 'normal',
    context: { value: 0.5, at: 50 },
  },
  {
    title: 'L5: one of the same time counts',
    measured: [
      [50, 0.5],
      [50, 1],
    ],
    value: 'critical',
  },
  {
    title: 'L5: no number',
    measured: [
      [0, 0.7],
      [1, Number.NaN],
    ],
    value: 'elevated',
    context: { value: 0.7, at: 0 },
  },
  {
    title: 'L5: no number while high',
    measured: [
      [0, 0.8],
      [1, Number.NaN],
    ],
    value: 'high',
    context: { value: 0.8, at: 0 },
  },
  {
    title: 'L5: no number while critical',
    measured: [
      [0, 1],
      [1, Number.NaN],
    ],
    value: 'critical',
    context: { value: 1, at: 0 },
  },
];

describe('pressure - what a measurement makes of it', () => {
  it.each(rows)('$title', ({ measured, value, context = {} }) => {
    const outcome = outcomeOf(
      pressureMachine,
      {},
      measured.map(([at, measure]) => ({ type: 'pressure.measured', at, value: measure })),
    );
    expect(outcome.value).toBe(value);
    expect(outcome.context).toMatchObject(context);
    // It has neither timers nor ports.
    expect(outcome.actions).toEqual([]);
  });
});

describe('pressure - settings', () => {
  it.each([
    ['elevatedAt', { elevatedAt: 0 }],
    ['highAt', { highAt: 0.6 }],
    ['criticalAt', { criticalAt: 0.8 }],
    ['criticalAt', { criticalAt: 1.01 }],
    ['gap', { gap: 0 }],
    ['gap', { gap: 0.7 }],
    ['settleMs', { settleMs: 0 }],
  ])('%s is refused by name: %o', (option, given) => {
    expect(() => pressureSettings(given)).toThrow(SettingsError);
    expect(() => pressureSettings(given)).toThrow(`${option} must be`);
  });
});
