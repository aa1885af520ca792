import {
  OUTCOMES,
  type Outcome,
  REASONS,
  SETTLEMENT_KINDS,
  SequenceSet,
  type SettlementEntry,
} from '@frame-buffer/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { balance, type LedgerFilter, type Snapshot, toRows } from './balance.ts';
import { Books, STRENGTH } from './fold.ts';

describe('fold', () => {
  test('F1 - any order and any repetition of the entries give the same balance', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 30 }).chain(shuffledTwice), ({ once, muddled }) => {
        expect(ledgerOf(muddled)).toEqual(ledgerOf(once));
      }),
    );
  });

  test('F2 to F4 - every known task is captured once, has at most one outcome, and one reason with it', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 30 }), (entries) => {
        const { ledger, reasons, conflicts } = ledgerOf(entries);
        const kinds = new Map<string, Set<string>>();
        for (const { camera, epoch, capability, generation, kind, sequences } of entries) {
          for (const sequence of sequences) {
            const task = `${camera} ${epoch} ${capability} ${generation ?? 0} ${sequence}`;
            kinds.set(task, (kinds.get(task) ?? new Set()).add(kind));
          }
        }
        expect(ledger.captured).toBe(kinds.size);
        const outcomesOf = (of: Set<string>) => STRENGTH.filter((outcome) => of.has(outcome));
        for (const outcome of OUTCOMES) {
          expect(ledger[outcome]).toBe([...kinds.values()].filter((of) => outcomesOf(of)[0] === outcome).length);
          const ofReasons = Object.entries(reasons).filter(([reason]) => reason.startsWith(`${outcome}/`));
          expect(ofReasons.reduce((sum, [, count]) => sum + count, 0)).toBe(ledger[outcome]);
        }
        expect(conflicts).toBe([...kinds.values()].filter((of) => outcomesOf(of).length > 1).length);
      }),
    );
  });

  test('F2 - a task that was settled counts as captured although its gateway died', () => {
    const { ledger } = ledgerOf([entry('captured', [1, 2]), entry('processed', [2, 3]), entry('routed', [4])]);
    expect(ledger).toMatchObject({ captured: 4, processed: 2 });
  });

  test('F3 - processed wins whatever came first, and the difference is one conflict', () => {
    const { ledger, conflicts } = ledgerOf([
      entry('shed', [1]),
      entry('processed', [1]),
      entry('expired', [1]),
      entry('dead_lettered', [2]),
      entry('expired', [2]),
    ]);
    expect(ledger).toMatchObject({ captured: 2, processed: 1, dead_lettered: 1, expired: 0, shed: 0 });
    expect(conflicts).toBe(2);
  });

  test('F3 - of any two outcomes the one that is documented as stronger counts', () => {
    const strongestFirst = ['processed', 'dead_lettered', 'expired', 'superseded', 'shed'] as const;
    for (const [i, stronger] of strongestFirst.entries()) {
      for (const weaker of strongestFirst.slice(i + 1)) {
        const { ledger, conflicts } = ledgerOf([entry(weaker, [1]), entry(stronger, [1])]);
        expect(ledger).toMatchObject({ [stronger]: 1, [weaker]: 0 });
        expect(conflicts).toBe(1);
      }
    }
  });

  test('F4 - two reasons of one outcome are no conflict, and the first of the protocol counts', () => {
    const { reasons, conflicts } = ledgerOf([
      { ...entry('processed', [1]), reason: 'acked' },
      { ...entry('processed', [1, 2]), reason: 'handled' },
      { ...entry('processed', [2, 3]), reason: 'a-later-version-s' },
    ]);
    expect(reasons).toEqual({ 'processed/handled': 2, 'processed/a-later-version-s': 1 });
    expect(conflicts).toBe(0);
  });

  test('F5 - routed and returned leave a task open', () => {
    const books = booksOf([entry('captured', [1]), entry('routed', [1]), entry('returned', [1])]);
    expect(books.summaries().map(({ open }) => open.toWire())).toEqual([[1, 1]]);
  });

  test('redelivered is the sum of what the entries say', () => {
    const { ledger } = ledgerOf([
      { ...entry('processed', [1, 2]), redelivered: 2 },
      { ...entry('processed', [2]), redelivered: 1 },
    ]);
    expect(ledger.redelivered).toBe(3);
  });

  test('generations and epochs are accounts of their own', () => {
    const { ledger } = ledgerOf([
      entry('dead_lettered', [1]),
      { ...entry('processed', [1]), generation: 1 },
      { ...entry('processed', [1]), epoch: 2000 },
    ]);
    expect(ledger).toMatchObject({ captured: 3, processed: 2, dead_lettered: 1 });
  });

  test('a witnessed task is captured, and open until it has an outcome', () => {
    const books = booksOf([entry('processed', [1])]);
    books.account(entry('captured', [])).witness(SequenceSet.of(1, 2));
    expect(books.summaries()[0]).toMatchObject({ captured: 2, open: SequenceSet.of(2) });
  });

  test('a summary does not change when the books do', () => {
    const books = booksOf([entry('captured', [1])]);
    const before = books.summaries();
    books.apply({ writer: 'w', entries: [entry('captured', [2])] });
    expect(before[0]?.open.size).toBe(1);
    expect(books.summaries()[0]?.open.size).toBe(2);
  });

  test('what was given back by the same processor is not in its queue any more', () => {
    const books = booksOf([
      { ...entry('routed', [1, 2, 3]), processor: 'a', dispatcher: 'o1' },
      { ...entry('returned', [2]), processor: 'a' },
      { ...entry('returned', [3]), processor: 'b' },
    ]);
    const routed = [...books.account(entry('captured', [])).routed()];
    expect(routed).toEqual([{ processor: 'a', sequences: SequenceSet.of(1, 3) }]);
  });
});

describe('balance', () => {
  test('breaks down by camera and capability, and takes only what the filter lets through', () => {
    const entries = [
      entry('processed', [1, 2]),
      { ...entry('processed', [1]), capability: 'ocr' },
      { ...entry('shed', [1]), camera: 'cam2', epoch: 3000 },
    ];
    expect(ledgerOf(entries).cameras).toMatchObject({ cam1: { processed: 3 }, cam2: { shed: 1 } });
    expect(ledgerOf(entries).capabilities).toMatchObject({ motion: { processed: 2, shed: 1 }, ocr: { processed: 1 } });
    expect(ledgerOf(entries, { since: 2000 }).ledger.captured).toBe(1);
    expect(ledgerOf(entries, { camera: 'cam1' }).ledger.captured).toBe(3);
    expect(ledgerOf(entries, { camera: 'cam1', since: 2000 }).ledger.captured).toBe(0);
  });

  test('in_flight counts tasks that are held and open: one that is settled and not yet acknowledged is settled', () => {
    const books = booksOf([entry('captured', [1, 2, 3]), entry('processed', [1])]);
    const key = books.summaries()[0]?.key ?? '';
    const rows = toRows(books.summaries(), new Map([[key, SequenceSet.of(1, 2)]]), new Map([[key, SequenceSet.of(3)]]));
    expect(balance({ ...SNAPSHOT, rows }).ledger).toMatchObject({ captured: 3, in_flight: 1, unaccounted: 1 });
    expect(balance({ ...SNAPSHOT, rows, exact: false, scale: 2.6 }).ledger.in_flight).toBe(3);
  });
});

const SNAPSHOT: Snapshot = { takenAtMs: 0, rows: [], exact: true, scale: 1, exactSinceMs: undefined };

function entry(kind: SettlementEntry['kind'], sequences: number[]): SettlementEntry {
  const reason = REASONS[kind as Outcome]?.[0] ?? '';
  return { camera: 'cam1', epoch: 1000, capability: 'motion', kind, reason, sequences: SequenceSet.of(...sequences) };
}

function booksOf(entries: readonly SettlementEntry[]): Books {
  const books = new Books();
  for (const one of entries) books.apply({ writer: 'w', entries: [one] });
  return books;
}

function ledgerOf(entries: readonly SettlementEntry[], filter: LedgerFilter = {}) {
  const rows = toRows(booksOf(entries).summaries(), new Map(), new Map());
  return balance({ ...SNAPSHOT, rows }, filter);
}

/** Few names and sequences, so that entries overlap. Without `redelivered`, which is a sum. */
const anyEntry: fc.Arbitrary<SettlementEntry> = fc
  .record({
    camera: fc.constantFrom('cam1', 'cam2'),
    epoch: fc.constantFrom(1000, 2000),
    capability: fc.constantFrom('motion', 'ocr'),
    generation: fc.constantFrom(0, 1),
    kind: fc.constantFrom(...SETTLEMENT_KINDS),
    reason: fc.constantFrom('handled', 'acked', 'newer', 'deadline', 'unheard-of', ''),
    sequences: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
  })
  .map((raw) => ({ ...raw, sequences: SequenceSet.of(...raw.sequences) }));

function shuffledTwice(once: SettlementEntry[]) {
  const more = fc.subarray(once);
  return more
    .chain((again) => fc.shuffledSubarray([...once, ...again], { minLength: once.length + again.length }))
    .map((muddled) => ({ once, muddled }));
}
