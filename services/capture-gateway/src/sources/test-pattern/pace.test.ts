import { describe, expect, it } from 'vitest';
import { nextTick } from './pace.ts';

const at = (lastTick: number, elapsedMs: number) => nextTick({ lastTick, elapsedMs, intervalMs: 100 });

describe('nextTick', () => {
  it.each<[string, number, number, number, number]>([
    ['begins at once', -1, 0, 0, 0],
    ['waits for the next', 0, 3, 1, 97],
    ['does not carry a delay on', 4, 460, 5, 40],
    ['is due now when late', 4, 530, 5, 0],
    ['drops what was missed', 4, 890, 8, 0],
    ['never gives a tick twice', 8, 850, 9, 50],
  ])('%s', (_, lastTick, elapsedMs, number, waitMs) => {
    expect(at(lastTick, elapsedMs)).toEqual({ number, waitMs });
  });
});
