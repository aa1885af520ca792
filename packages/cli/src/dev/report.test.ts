import { expect, test } from 'vitest';
import { ledgerOf } from './ledger.fixture.ts';
import { failureOf, reportOf, summaryLines } from './report.ts';

const none = { captured: 0, processed: 0, superseded: 0, expired: 0, shed: 0, dead_lettered: 0 };
const ledger = ledgerOf(
  { captured: 300, processed: 298, shed: 2 },
  {
    cameras: {
      'cam-1': { ...none, captured: 200, processed: 198, shed: 2 },
      door: { ...none, captured: 100, processed: 100 },
    },
  },
);
const figures = {
  outcome: { drained: true, ledger } as const,
  capturingMs: 10_004,
  tasksPerFrame: (name: string) => (name === 'door' ? 1 : 2),
};

test('the report counts tasks; frames are tasks by the capabilities of their camera', () => {
  expect(reportOf(figures)).toEqual({
    ledger: ledger.ledger,
    seconds: 10,
    frames_per_s: 20,
    cameras: ledger.cameras,
    capabilities: {},
    exact: true,
  });
});

test('in words', () => {
  const report = reportOf(figures);
  expect(report && summaryLines(report, 12_000)).toEqual([
    '12 s, 20.0 frames/s; tasks: captured 300 = processed 298 + shed 2',
    'processed of captured: cam-1 198 of 200, door 100 of 100',
  ]);
});

test('a run fails when it did not drain, or when there was nothing to drain', () => {
  expect(failureOf(figures)).toBeUndefined();
  expect(failureOf({ outcome: { drained: true, ledger: ledgerOf({}) } })).toMatch(/Nothing was captured/);
  expect(failureOf({ outcome: { drained: false, ledger, open: '3 in flight' } })).toMatch(
    /did not drain in time: 3 in flight/,
  );
  expect(reportOf({ ...figures, outcome: { drained: false, ledger: undefined, open: 'away' } })).toBeUndefined();
});
