import { SequenceSet, type SettlementEntry } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import { findingsOf } from './findings.ts';

function entry(kind: SettlementEntry['kind'], reason: string, tasks: number, more: Partial<SettlementEntry> = {}) {
  const about = { camera: 'door', epoch: 1, capability: 'look', processor: 'gpu', instance: 'gpu-1' };
  const sequences = SequenceSet.of(...Array.from({ length: tasks }, (_, i) => i + 1));
  return { ...about, kind, reason, sequences, ...more };
}

const found = (...entries: SettlementEntry[]) =>
  findingsOf({ writer: 'w', entries }).map((finding) => ({ ...finding }));

test('counts successes and failures of a processor over cameras and reasons', () => {
  const entries = [
    entry('processed', 'handled', 4, { serviceMs: 40 }),
    entry('processed', 'handled', 2, { camera: 'yard', serviceMs: 60 }),
    entry('returned', 'handler_failed', 3, { serviceMs: 3 }),
    entry('returned', 'timed_out', 1),
    entry('dead_lettered', 'handler_failed', 2),
    entry('dead_lettered', 'timed_out', 1),
  ];
  expect(found(...entries)).toEqual([{ processor: 'gpu', instance: 'gpu-1', succeeded: 6, failed: 7, serviceMs: 30 }]);
});

test('what says nothing about the processor is no finding', () => {
  const entries = [
    entry('expired', 'deadline', 1),
    entry('superseded', 'newer', 1),
    entry('dead_lettered', 'pixels_evicted', 1),
    entry('dead_lettered', 'undecodable', 1),
    entry('returned', 'draining', 1),
    entry('returned', 'breaker_open', 64),
    entry('returned', 'processor_lost', 1),
    entry('routed', 'queued', 1),
    entry('captured', 'captured', 1),
    entry('shed', 'skipped', 1),
  ];
  expect(found(...entries)).toEqual([]);
  const { processor: _, ...nobody } = entry('processed', 'handled', 1);
  expect(found(nobody)).toEqual([]);
});

test('processors and instances are told apart', () => {
  const { instance: _, ...plain } = entry('processed', 'acked', 1, { processor: 'plain' });
  const seen = found(
    entry('processed', 'handled', 1),
    entry('returned', 'timed_out', 1, { instance: 'gpu-2' }),
    plain,
    entry('processed', 'handled', 1, { instance: 'gpu-2' }),
  );
  expect(seen.map(({ processor, instance, succeeded, failed }) => [processor, instance, succeeded, failed])).toEqual([
    ['gpu', 'gpu-1', 1, 0],
    ['gpu', 'gpu-2', 1, 1],
    ['plain', '', 1, 0],
  ]);
});
