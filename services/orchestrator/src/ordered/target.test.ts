import {
  type BatchView,
  type Encoding,
  encodeBatch,
  openBatch,
  type Policy,
  type PolicyInput,
  type ProcessorInput,
  partitionOf,
  policySchema,
  processorSchema,
} from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { Credits } from '../credit/credits.ts';
import { buildRouteTable } from '../routes/route-table.ts';
import { relane } from './relane.ts';
import { targetOf } from './target.ts';

interface FrameOf {
  readonly camera?: string;
  readonly encoding?: Encoding;
}

/** Names of cameras by partition of 8. */
const cameraOf = (partition: number, nth = 0) =>
  Array.from({ length: 1_000 }, (_, i) => `cam-${i}`).filter((name) => partitionOf(name, 8) === partition)[nth] ?? '';

function batchOf(frames: readonly FrameOf[]): BatchView {
  const items = frames.map(({ camera = cameraOf(3), encoding = 'jpeg' }, i) => ({
    ageMs: 0,
    frame: {
      camera,
      epoch: 1,
      sequence: i + 1,
      capturedAtMs: 0,
      width: 4,
      height: 4,
      encoding,
      byteSize: 1,
      pixelSequence: 1,
      capabilities: ['track'],
      priority: 5,
      maxAgeMs: 0,
    },
  }));
  const opened = openBatch(encodeBatch({ capability: 'track' }, items));
  if (!opened.ok) throw new Error(opened.detail);
  return opened.batch;
}

function decide(
  batch: BatchView,
  from: number,
  processors: readonly ProcessorInput[],
  policy: PolicyInput = { ordered: true },
) {
  const policies = new Map<string, Policy>([['track', policySchema.parse(policy)]]);
  const table = buildRouteTable({
    processors: processors.map((input) => processorSchema.parse(input)),
    instances: [],
    policies,
    credits: new Credits('me', () => 0),
  });
  const target = targetOf(batch, from, 3, table);
  return target.kind === 'route' ? `${target.route.processor.name} to ${target.to}` : `${target.kind} to ${target.to}`;
}

const tracker = (name: string, more: Partial<ProcessorInput> = {}): ProcessorInput => ({
  name,
  capabilities: ['track'],
  settles: true,
  maxBatch: 16,
  ...more,
});

describe('target of a partition', () => {
  const hundred = batchOf(Array.from({ length: 100 }, () => ({})));

  test('slices end at multiples of the batch size, wherever they begin: a repeat is cut alike', () => {
    expect(decide(hundred, 0, [tracker('a')])).toBe('a to 16');
    expect(decide(hundred, 5, [tracker('a')])).toBe('a to 16');
    expect(decide(hundred, 96, [tracker('a')])).toBe('a to 100');
  });

  test('the same processor for the whole partition; who does not settle gets nothing', () => {
    const both = [tracker('a'), tracker('b')];
    const chosen = decide(hundred, 0, both);
    expect(decide(hundred, 16, both).slice(0, 1)).toBe(chosen.slice(0, 1));
    expect(decide(hundred, 0, [...both].reverse())).toBe(chosen);
    expect(decide(hundred, 0, [tracker('plain', { settles: false })])).toBe('nobody to 1');
    expect(decide(hundred, 0, [])).toBe('nobody to 1');
  });

  test('the chain is walked: labels, who can read it, skip', () => {
    const gpu = tracker('g', { labels: { gpu: '' } });
    const policy: PolicyInput = { ordered: true, require: 'gpu', fallback: ['cpu', 'skip'] };
    const cpu = tracker('c', { labels: { cpu: '' } });
    expect(decide(hundred, 0, [gpu, cpu], policy)).toBe('g to 16');
    expect(decide(hundred, 0, [cpu], policy)).toBe('c to 16');
    expect(decide(hundred, 0, [], policy)).toBe('skip to 100');
    const mixed = batchOf([{}, {}, { camera: cameraOf(3, 1), encoding: 'rgb24' }]);
    expect(decide(mixed, 0, [tracker('a')])).toBe('a to 2');
    expect(decide(mixed, 2, [tracker('a')])).toBe('nobody to 3');
    expect(decide(mixed, 0, [tracker('a', { encodings: ['jpeg', 'rgb24'] })])).toBe('a to 3');
  });

  test('what belongs to another partition, or to none any more, is for another lane', () => {
    const strays = batchOf([{}, { camera: cameraOf(5) }, { camera: cameraOf(5, 1) }, {}]);
    expect(decide(strays, 0, [tracker('a')])).toBe('a to 1');
    expect(decide(strays, 1, [tracker('a')])).toBe('elsewhere to 3');
    expect(decide(hundred, 0, [tracker('a')], {})).toBe('elsewhere to 100');
    const origin = { incarnation: 'i', sequence: 9, waitedMs: 5 };
    const moved = relane(strays, { from: 1, to: 4 }, 8, origin);
    expect(moved).toMatchObject({
      range: { from: 1, to: 3 },
      message: { subject: 'frames.track.p5', msgId: 'i.9.lane.1-3' },
    });
    expect(relane(strays, { from: 0, to: 4 }, 0, origin)).toMatchObject({
      range: { from: 0, to: 4 },
      message: { subject: 'frames.track.normal' },
    });
    const opened = openBatch(moved.message.payload);
    expect(opened.ok && [opened.batch.sequence(0), opened.batch.elapsedMs]).toEqual([2, 5]);
  });
});
