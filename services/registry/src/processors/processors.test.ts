import { type Instance, type Processor, processorSchema } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import { changedFields } from './change.ts';
import { guideTo } from './guide.ts';
import { type LiveInstance, viewOf } from './view.ts';

function processor(about: Partial<Processor> = {}): Processor {
  return processorSchema.parse({ name: 'detector', capabilities: ['a', 'b'], ...about });
}

function instance(state: Instance['state']): LiveInstance {
  const at = '2026-01-01T00:00:00Z';
  return { kind: 'processor', name: 'detector', instance: `i-${state}`, startedAt: at, heardAt: at, state };
}

test('the same registration has no changes, whatever the order of capabilities and labels', () => {
  const before = processor({ labels: { gpu: 'yes', zone: 'a' } });
  const after = processor({ capabilities: ['b', 'a'], labels: { zone: 'a', gpu: 'yes' } });
  expect(changedFields(before, after)).toEqual([]);
});

test('every changed field is named', () => {
  const after = processor({ capabilities: ['a'], concurrency: 2, labels: { zone: 'b' }, version: '2' });
  expect(changedFields(processor(), after)).toEqual(['capabilities', 'concurrency', 'labels', 'version']);
});

test.each([
  ['registration', [], true],
  ['heartbeat', [], false],
  ['heartbeat', [instance('draining')], false],
  ['heartbeat', [instance('draining'), instance('ready')], true],
] as const)('liveness %s with %# instances: ready %s', (liveness, instances, ready) => {
  expect(viewOf(processor({ liveness }), instances).ready).toBe(ready);
});

test('the guide names everything that a plain client needs', () => {
  const guide = guideTo(processor({ ackWaitMs: 5_000 }));
  expect(guide.queue).toMatchObject({
    stream: 'WORK',
    durable: 'detector',
    subject: 'work.detector.*',
    pull: '$JS.API.CONSUMER.MSG.NEXT.WORK.detector',
    ackWaitMs: 5_000,
  });
  expect(guide.results).toBe('results.detector.<camera>');
  expect(guide.picture).toEqual({ request: '$JS.API.DIRECT.GET.PIXELS', body: '{"seq": <Fb-Pixels>}' });
  expect(guide.heartbeat.needed).toBe(false);
  expect(Object.keys(guide.headers)).toContain('Fb-Frame');
  expect(guide.message).toContain('headers');
  expect(guideTo(processor({ maxBatch: 8 })).message).toContain('1 to 8 frames');
});
