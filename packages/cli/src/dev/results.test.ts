import type { Result } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import { describeResult, Results } from './results.ts';

test.each<[Result['result'], string]>([
  [0.314159, '0.31'],
  [812.34, '812'],
  [0, '0'],
  [-12.34, '-12'],
  [true, 'yes'],
  ['ABC-123', 'ABC-123'],
  [null, '–'],
  [{ motion: true, score: 0.0182 }, '0.018'],
  [{ sharpness: 812.34, brightness: 99, dark: false }, 'sharpness 812'],
  [{ plate: 'ABC-123', box: [1, 2] }, 'plate ABC-123'],
  [{ box: [1, 2] }, '…'],
  [[], '…'],
])('%j in words is %s', (result, words) => {
  expect(describeResult(result)).toBe(words);
});

const message = (more: Partial<Result>) =>
  Buffer.from(
    JSON.stringify({
      frame: 'cam-1.1.1',
      camera: 'cam-1',
      capability: 'motion',
      processor: 'motion',
      instance: 'a',
      capturedAt: '2026-01-01T00:00:00.000Z',
      ageMs: 10,
      handledMs: 1,
      attempt: 0,
      result: 0.5,
      ...more,
    }),
  );

test('the last result of each camera and capability, sorted; the median age of the last ones', () => {
  const results = new Results();
  results.receive(message({ camera: 'cam-2' }));
  results.receive(message({ result: 0.1, ageMs: 30 }));
  results.receive(message({ result: 0.2, ageMs: 500 }));
  results.receive(message({ capability: 'aged', ageMs: 7 }));
  expect(results.last.map(({ camera, capability, text }) => `${camera} ${capability} ${text}`)).toEqual([
    'cam-1 aged 0.5',
    'cam-1 motion 0.2',
    'cam-2 motion 0.5',
  ]);
  expect([results.ageMs('motion'), results.ageMs('aged'), results.ageMs('other')]).toEqual([30, 7, undefined]);
});

test.each(['', 'nonsense', '{}', '{"camera":"a.b"}'])('what is no result is left alone: %s', (text) => {
  const results = new Results();
  results.receive(Buffer.from(text));
  expect(results.last).toEqual([]);
});
