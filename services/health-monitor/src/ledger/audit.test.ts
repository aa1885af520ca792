import { SequenceSet } from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { Audit, CONFIRM_MS } from './audit.ts';

const LIFE_MS = 60_000;

describe('audit', () => {
  test('A2 - a task missed by two scans far enough apart is unaccounted, one missed once is not', () => {
    const audit = new Audit();
    expect(observe(audit, { atMs: 0, open: [1, 2, 3], held: [1] })).toEqual([]);
    expect(observe(audit, { atMs: CONFIRM_MS, open: [1, 2, 3, 4], held: [1, 2] })).toEqual([3]);
    expect(observe(audit, { atMs: 2 * CONFIRM_MS, open: [1, 2, 3, 4], held: [1, 2] })).toEqual([3, 4]);
  });

  test('A2 - scans too close together confirm nothing, but a task found in between is no candidate any more', () => {
    const audit = new Audit();
    observe(audit, { atMs: 0, open: [1, 2], held: [] });
    expect(observe(audit, { atMs: CONFIRM_MS - 1, open: [1, 2], held: [2] })).toEqual([]);
    expect(observe(audit, { atMs: CONFIRM_MS, open: [1, 2], held: [] })).toEqual([1]);
  });

  test('A1 - an outcome or a place in a stream ends it, also between confirmations', () => {
    const audit = new Audit();
    observe(audit, { atMs: 0, open: [1, 2, 3], held: [] });
    expect(observe(audit, { atMs: 1_000, open: [1, 2, 3], held: [] })).toEqual([1, 2, 3]);
    expect(observe(audit, { atMs: 1_100, open: [1, 2], held: [2] })).toEqual([1]);
    expect(observe(audit, { atMs: 2_000, open: [], held: [] })).toEqual([]);
  });

  test('A3 - after an estimate only what outlived the longest life counts, unless the sample holds it', () => {
    const audit = new Audit();
    const estimate = (atMs: number, open: number[], held: number[]) =>
      observe(audit, { atMs, open, held, exact: false });
    expect(estimate(0, [1, 2, 3], [1])).toEqual([]);
    expect(estimate(LIFE_MS - 1, [1, 2, 3, 4], [])).toEqual([]);
    expect(estimate(LIFE_MS, [1, 2, 4], [1])).toEqual([2]);
    expect(estimate(LIFE_MS + 1, [1, 2, 4], [])).toEqual([1, 2]);
    expect(estimate(2 * LIFE_MS, [2, 4], [])).toEqual([2, 4]);
  });

  test('A3 - what exact scans had found stays found through an estimate, and after it', () => {
    const audit = new Audit();
    observe(audit, { atMs: 0, open: [1, 2], held: [] });
    observe(audit, { atMs: 1_000, open: [1, 2], held: [] });
    expect(observe(audit, { atMs: 2_000, open: [1, 2, 3], held: [2], exact: false })).toEqual([1]);
    expect(observe(audit, { atMs: 3_000, open: [1, 2, 3], held: [] })).toEqual([1]);
    expect(observe(audit, { atMs: 4_000, open: [1, 2, 3], held: [] })).toEqual([1, 2, 3]);
  });

  test('A3 - tasks that live for ever are never overdue', () => {
    const audit = new Audit();
    const lifeMs = Number.POSITIVE_INFINITY;
    observe(audit, { atMs: 0, open: [1], held: [], exact: false, lifeMs });
    expect(observe(audit, { atMs: 1e12, open: [1], held: [], exact: false, lifeMs })).toEqual([]);
  });
});

interface Observed {
  readonly atMs: number;
  readonly open: number[];
  readonly held: number[];
  readonly exact?: boolean;
  readonly lifeMs?: number;
}

function observe(audit: Audit, { atMs, open, held, exact = true, lifeMs = LIFE_MS }: Observed): number[] {
  const sets = (of: number[]) => new Map(of.length === 0 ? [] : [['account', SequenceSet.of(...of)]]);
  const unaccounted = audit.observe({
    atMs,
    open: sets(open),
    held: sets(held),
    exact,
    longestLifeMs: () => lifeMs,
  });
  return [...(unaccounted.get('account') ?? [])];
}
