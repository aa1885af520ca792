import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { damage, token } from '../tests/arbitraries.ts';
import { readStandard } from '../tests/messagepack-reader.ts';
import { pack } from './messagepack.ts';
import { SETTLEMENT_KINDS } from './outcome.ts';
import { SequenceSet } from './sequence-set.ts';
import { decodeSettlement, encodeSettlement, type SettlementEntry } from './settlement.ts';

const count = fc.integer({ min: 1, max: 100_000 });
const entry: fc.Arbitrary<SettlementEntry> = fc.record(
  {
    camera: token,
    epoch: fc.integer({ min: 0, max: 2e12 }),
    capability: fc.oneof(
      token,
      fc.tuple(token, token).map((pair) => pair.join('@')),
    ),
    kind: fc.constantFrom(...SETTLEMENT_KINDS),
    reason: fc.constantFrom('handled', 'deadline', ''),
    sequences: fc.array(count, { maxLength: 10 }).map((list) => SequenceSet.of(...list)),
    processor: token,
    instance: token,
    dispatcher: token,
    serviceMs: fc.double({ min: 0.001, max: 1e6, noNaN: true }),
    redelivered: count,
    generation: count,
  },
  { requiredKeys: ['camera', 'epoch', 'capability', 'kind', 'reason', 'sequences'], noNullPrototype: true },
);
const settlement = fc.record({ writer: token, entries: fc.array(entry, { maxLength: 5 }) }, { noNullPrototype: true });

const right: unknown[] = ['cam1', 7, 'motion', 'processed', 'handled', [1, 3], 'motion', 'm-1', 'o-1', 12.5, 1, 2];
const message = (...entries: unknown[]) => pack([1, 'm-1', entries]);

/** Sets compare by their wire form. */
const comparable = (value: unknown) =>
  JSON.parse(JSON.stringify(value, (_, v) => (v instanceof SequenceSet ? v.toWire() : v)));

describe('settlement', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(settlement, (value) => {
        expect(comparable(decodeSettlement(encodeSettlement(value)))).toEqual(
          comparable({ ok: true, settlement: value }),
        );
      }),
    );
  });

  it('is standard MessagePack in the order that the README gives', () => {
    const opened = decodeSettlement(message(right));
    if (!opened.ok) throw new Error(opened.detail);
    expect(readStandard(encodeSettlement(opened.settlement))).toEqual([1, 'm-1', [right]]);
    const bare = {
      camera: 'cam1',
      epoch: 7,
      capability: 'motion',
      kind: 'shed',
      reason: 'lane_full',
      sequences: SequenceSet.of(4),
    } as const;
    expect(readStandard(encodeSettlement({ writer: 'g-1', entries: [bare] }))).toEqual([
      1,
      'g-1',
      [['cam1', 7, 'motion', 'shed', 'lane_full', [4, 1], '', '', '', 0, 0, 0]],
    ]);
  });

  it('of the next version is read, with fields appended; of a later one is held', () => {
    expect(decodeSettlement(pack([2, 'm-1', [[...right, 'new']], 'new']))).toMatchObject({ ok: true });
    for (const version of [3, 4, 1000])
      expect(decodeSettlement(pack([version, { anything: 1 }]))).toMatchObject({
        ok: false,
        reason: 'unsupported_version',
      });
  });

  it.each<[string, Uint8Array]>([
    ['nothing', Buffer.alloc(0)],
    ['no MessagePack', Buffer.from([0xc1])],
    ['an extension', Buffer.from('93 01 a0 d400 00'.replaceAll(' ', ''), 'hex')],
    ['no array', pack({ version: 1 })],
    ['version 0', pack([0, 'm-1', []])],
    ['version -1', pack([-1, 'm-1', []])],
    ['version 1.5', pack([1.5, 'm-1', []])],
    ['version NaN', pack([Number.NaN, 'm-1', []])],
    ['version "1"', pack(['1', 'm-1', []])],
    ['no writer', pack([1, null, []])],
    ['no entries', pack([1, 'm-1'])],
    ['entries that are no list', pack([1, 'm-1', 'x'])],
    ['an entry that is no list', message('x')],
    ['an entry too short', message(right.slice(0, 11))],
    ['a sound entry and a damaged one', message(right, right.with(1, -1))],
  ])('malformed: %s', (_, bytes) => {
    expect(decodeSettlement(bytes)).toMatchObject({ ok: false, reason: 'malformed' });
  });

  it('malformed: any field that cannot be', () => {
    const wrong: [number, unknown[]][] = [
      [0, ['a.b', '', 7, null]],
      [1, [-1, 1.5, '7', null, 2 ** 60]],
      [2, ['', 7, null]],
      [3, ['lost', 7, null, '__proto__']],
      [4, [7, null]],
      // Leaving out what is no number would shift the others: 1 to 5 instead of 1 and 5, 6.
      [5, [[1], [1, 'x', 5, 2], [1, 0], [1, -1], [0.5, 1], [1, 2 ** 52], 'x', null, { 0: 1 }]],
      [6, [7, null]],
      [7, [7, null]],
      [8, [7, null]],
      [9, [-1, Number.NaN, Number.POSITIVE_INFINITY, '1', null]],
      [10, [-1, 0.5, null]],
      [11, [-1, 0.5, null]],
    ];
    for (const [i, values] of wrong) {
      for (const value of values)
        expect(decodeSettlement(message(right.with(i, value))), `field ${i}: ${JSON.stringify(value)}`).toMatchObject({
          ok: false,
          reason: 'malformed',
        });
    }
    expect(decodeSettlement(message(right))).toMatchObject({ ok: true });
  });

  it('never throws: random bytes and damaged messages get a reason, or are read whole', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(settlement, damage).map(([value, hurt]) => hurt(encodeSettlement(value))),
    );
    fc.assert(
      fc.property(bytes, (hostile) => {
        const opened = decodeSettlement(hostile);
        if (!opened.ok) expect(['malformed', 'unsupported_version']).toContain(opened.reason);
        else expect(decodeSettlement(encodeSettlement(opened.settlement))).toMatchObject({ ok: true });
      }),
      { numRuns: 2000 },
    );
  });

  it('is not slowed by ranges in the worst order', () => {
    const descending = Array.from({ length: 100_000 }, (_, i) => [2 * (100_000 - i), 1]).flat();
    const bytes = message(right.with(5, descending));
    const started = performance.now();
    expect(decodeSettlement(bytes)).toMatchObject({ ok: true });
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
