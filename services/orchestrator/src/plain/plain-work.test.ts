import {
  encodeBatch,
  type FrameDescriptor,
  openBatch,
  SequenceSet,
  type SettlementEntry,
} from '@frame-buffer/protocol';
import { silentLogger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import { expect, test } from 'vitest';
import { PlainWork } from './plain-work.ts';

const frame = (sequence: number): FrameDescriptor => ({
  camera: 'cam',
  epoch: 1,
  sequence,
  capturedAtMs: 1_700_000_000_000,
  width: 64,
  height: 48,
  encoding: 'jpeg',
  byteSize: 10,
  pixelSequence: 0,
  priority: 5,
  maxAgeMs: 0,
  capabilities: ['ocr'],
});

function returned(processor: string, sequence: number): SettlementEntry {
  const sequences = new SequenceSet();
  sequences.addRange(sequence, sequence + 1);
  return {
    camera: 'cam',
    epoch: 1,
    capability: 'ocr',
    kind: 'returned',
    reason: 'processor_lost',
    processor,
    sequences,
  };
}

test('A3 what a lost processor gives back is not taken for acknowledged, although it is gone from the queue', async () => {
  const settled: string[] = [];
  const gone = { headers: { code: 404 } };
  const plain = new PlainWork({
    nc: { subscribe: () => ({}), request: async () => gone } as unknown as NatsConnection,
    settlements: {
      add: async ({ kind }: { kind: string }, sequence: number) => void settled.push(`${kind} ${sequence}`),
    } as unknown as ConstructorParameters<typeof PlainWork>[0]['settlements'],
    self: 'orchestrator-1',
    log: silentLogger,
  });
  for (const sequence of [1, 2, 3]) {
    const opened = openBatch(encodeBatch({ capability: 'ocr' }, [{ frame: frame(sequence), ageMs: 0 }]));
    if (!opened.ok) throw new Error(opened.detail);
    await plain.routed(opened.batch, { from: 0, to: 1 }, 'plain', 100 + sequence);
  }
  plain.returned({ writer: 'registry-1', entries: [returned('plain', 1), returned('another', 2)] });
  await plain.reconcile('plain');
  expect(settled).toEqual(['routed 1', 'routed 2', 'routed 3', 'processed 2', 'processed 3']);
});
