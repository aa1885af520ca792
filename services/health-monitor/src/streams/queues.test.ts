import { expect, test } from 'vitest';
import { queuesSchema, toQueues } from './queues.ts';

test('queues - lanes in the order they are served, processors summed over their lanes', () => {
  const frames = new Map([
    ['frames.ocr.normal', 3],
    ['frames.motion.retry', 1],
    ['frames.motion.high', 2],
    ['frames.track.p10', 7],
    ['frames.track.p9', 6],
  ]);
  const work = new Map([
    ['work.quality.normal', 4],
    ['work.motion.high', 1],
    ['work.quality.low', 5],
  ]);
  const queues = toQueues(frames, work);
  expect(queues.lanes.map(({ capability, lane, messages }) => `${capability} ${lane} ${messages}`)).toEqual([
    'motion high 2',
    'motion retry 1',
    'ocr normal 3',
    'track p9 6',
    'track p10 7',
  ]);
  expect(queues.processors).toEqual([
    { processor: 'motion', messages: 1 },
    { processor: 'quality', messages: 9 },
  ]);
  expect(queuesSchema.parse(queues)).toEqual(queues);
});
