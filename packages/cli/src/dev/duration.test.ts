import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  test.each([
    ['15s', 15_000],
    ['2m', 120_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5s', 1_500],
  ])('%s', (text, ms) => {
    expect(parseDuration(text, '--for')).toBe(ms);
  });

  test.each(['', '15', 's', '15 s', '-3s', '0s', '15s!', 'x15s', '169h', '1e3s'])(
    'refuses "%s" and says how',
    (text) => {
      expect(() => parseDuration(text, '--for')).toThrow(`--for "${text}" is no duration: write 15s`);
    },
  );
});

test.each([
  [800, '0.8 s'],
  [9_999, '10.0 s'],
  [12_400, '12 s'],
  [125_000, '2 min 5 s'],
  [3_600_000, '1 h 0 min'],
])('formatDuration %d', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
