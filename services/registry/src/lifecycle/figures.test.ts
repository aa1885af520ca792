import type { Instance } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import { combined, InstanceFigures } from './figures.ts';

const beat = (processed: number, failed: number, blockedMs = 0): Instance => ({
  kind: 'processor',
  name: 'p',
  instance: 'i',
  startedAt: '2026-01-01T00:00:00Z',
  state: 'ready',
  processed,
  failed,
  blockedMs,
});

function noted(...beats: [at: number, record: Instance][]): InstanceFigures {
  const figures = new InstanceFigures();
  for (const [at, record] of beats) figures.note(record, at);
  return figures;
}

test('the share of failures is that of the last seconds, of all instances together', () => {
  const one = noted([0, beat(0, 100)], [1_000, beat(6, 100)]);
  const two = noted([0, beat(50, 0)], [1_000, beat(50, 2)]);
  expect(combined([one, two])).toEqual({ blockedMs: 0, failureShare: 0.25 });
});

test('what ended longer ago than the window is forgotten', () => {
  const figures = noted([0, beat(0, 0)], [1_000, beat(0, 50)], [7_000, beat(10, 50)], [8_000, beat(20, 50)]);
  expect(combined([figures]).failureShare).toBe(0);
});

test('a restarted instance counts anew, and a few tasks make no share', () => {
  expect(combined([noted([0, beat(500, 500)], [1_000, beat(0, 3)], [2_000, beat(0, 6)])])).toEqual({ blockedMs: 0 });
});

test('the longest blocked instance counts', () => {
  expect(combined([noted([0, beat(0, 0, 20)]), noted([0, beat(0, 0, 7_000)])]).blockedMs).toBe(7_000);
  expect(combined([])).toEqual({ blockedMs: 0 });
});
