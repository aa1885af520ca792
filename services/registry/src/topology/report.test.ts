import { expect, test } from 'vitest';
import { remarks, reportOf, type TopologyEntry, unready } from './report.ts';

function entry(about: Partial<TopologyEntry> = {}): TopologyEntry {
  return { what: 'stream', name: 'S', state: 'verified', differences: [], checkedAt: '2026-01-01T00:00:00Z', ...about };
}

function different(field: string): TopologyEntry {
  return entry({ state: 'different', differences: [{ field, wanted: 1, found: 2 }] });
}

test('the state is the worst of the entries, and pending until everything was looked at', () => {
  expect(reportOf([entry()], true).state).toBe('verified');
  expect(reportOf([entry({ state: 'created' })], true).state).toBe('verified');
  expect(reportOf([entry()], false).state).toBe('pending');
  expect(reportOf([entry(), different('max_bytes')], true).state).toBe('different');
  expect(reportOf([different('max_bytes'), entry({ state: 'failed', error: 'disk' })], false).state).toBe('failed');
});

test('streams come before buckets before consumers, each by name', () => {
  const entries = [
    entry({ what: 'consumer', name: 'a' }),
    entry({ what: 'stream', name: 'b' }),
    entry({ what: 'bucket', name: 'c' }),
    entry({ what: 'stream', name: 'a' }),
  ];
  expect(reportOf(entries, true).entries.map(({ what, name }) => `${what} ${name}`)).toEqual([
    'stream a',
    'stream b',
    'bucket c',
    'consumer a',
  ]);
});

test('a different bound is worth a remark; a different meaning is not ready', () => {
  const bound = reportOf([different('max_bytes')], true);
  expect(unready(bound)).toBeUndefined();
  expect(remarks(bound)).toBe('differs: S (max_bytes)');

  const meaning = reportOf([different('retention')], true);
  expect(unready(meaning)).toBe('differs where it must not: S (retention)');
  expect(remarks(meaning)).toBeUndefined();
});

test('what failed and what is not verified yet is not ready', () => {
  expect(unready(reportOf([entry({ state: 'failed', error: 'no disk' })], true))).toBe(
    'could not provision S: no disk',
  );
  expect(unready(reportOf([], false))).toBe('not verified yet');
  expect(unready(reportOf([entry()], true))).toBeUndefined();
});
