import { describe, expect, test } from 'vitest';
import { drain } from './drain.ts';
import { ledgerOf } from './ledger.fixture.ts';
import { openTasks, type RunLedger } from './ledger.ts';

const settled = ledgerOf({ captured: 5, processed: 3, shed: 1, dead_lettered: 1 });

describe('openTasks', () => {
  test.each<[string | undefined, RunLedger]>([
    [undefined, settled],
    [undefined, ledgerOf({})],
    ['1 in flight', ledgerOf({ captured: 5, processed: 4, in_flight: 1 })],
    ['2 unaccounted for', ledgerOf({ captured: 5, processed: 3, unaccounted: 2 })],
    ['2 settling', ledgerOf({ captured: 5, processed: 3 })],
    ['the ledger is an estimate', ledgerOf({ captured: 1, processed: 1 }, { exact: false })],
    ['the ledger is behind', ledgerOf({ captured: 1, processed: 1 }, { stale: true })],
  ])('%s', (open, ledger) => {
    expect(openTasks(ledger)).toBe(open);
  });
});

/** Answers one after the other, the last one for ever. */
function asking(...answers: readonly (RunLedger | Error)[]) {
  let asked = 0;
  const progress: string[] = [];
  const ask = async () => {
    const answer = answers[Math.min(asked++, answers.length - 1)];
    if (answer === undefined || answer instanceof Error) throw answer;
    return answer;
  };
  return { ask, progress, onProgress: (open: string) => progress.push(open), intervalMs: 1 };
}

test('D2 goes on until the ledger proves it, through questions that fail', async () => {
  const steps = asking(
    ledgerOf({ captured: 5, processed: 2, in_flight: 3 }),
    new Error('the broker is away'),
    ledgerOf({ captured: 5, processed: 4 }),
    settled,
  );
  expect(await drain(steps)).toEqual({ drained: true, ledger: settled });
  expect(steps.progress).toEqual(['3 in flight', 'the broker is away', '1 settling']);
});

test('D1 ends at its bound, and says what was open', async () => {
  const stuck = ledgerOf({ captured: 5, processed: 4, in_flight: 1 });
  expect(await drain({ ...asking(stuck), boundMs: 20 })).toEqual({
    drained: false,
    ledger: stuck,
    open: '1 in flight',
  });
});

test('D1 keeps the last ledger that was to be had', async () => {
  const stuck = ledgerOf({ captured: 5, processed: 4, in_flight: 1 });
  const outcome = await drain({ ...asking(stuck, new Error('away')), boundMs: 20 });
  expect(outcome).toEqual({ drained: false, ledger: stuck, open: 'away' });
});
