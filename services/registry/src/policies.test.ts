import { expect, test } from 'vitest';
import { capabilityViews } from './policies.ts';

test('every capability that anybody names is shown once, with the default policy where none is kept', () => {
  const views = capabilityViews({
    cameras: [
      ['cam2', { capabilities: ['motion'] }],
      ['cam1', { capabilities: ['motion', 'ocr', 'ocr'] }],
    ],
    processors: [['detector', { capabilities: ['motion'] }]],
    policies: [['unused', { maxAgeMs: 5 }]],
  });
  expect(views).toEqual([
    {
      name: 'motion',
      policy: { maxAgeMs: 60_000 },
      stored: false,
      cameras: ['cam1', 'cam2'],
      processors: ['detector'],
    },
    { name: 'ocr', policy: { maxAgeMs: 60_000 }, stored: false, cameras: ['cam1'], processors: [] },
    { name: 'unused', policy: { maxAgeMs: 5 }, stored: true, cameras: [], processors: [] },
  ]);
});
