import type { Lane } from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { BandTurn } from './bands.ts';

function serve(waiting: Lane[], turns: number): Record<string, number> {
  const turn = new BandTurn();
  const served: Record<string, number> = {};
  for (let i = 0; i < turns; i++) {
    const lane = turn.next(waiting) ?? 'none';
    served[lane] = (served[lane] ?? 0) + 1;
  }
  return served;
}

describe('bands', () => {
  test('all waiting: 16 to 4 to 1', () => {
    expect(serve(['high', 'normal', 'low'], 2100)).toEqual({ high: 1600, normal: 400, low: 100 });
  });

  test('low alone gets every turn, nobody waiting gets none', () => {
    expect(serve(['low'], 10)).toEqual({ low: 10 });
    expect(new BandTurn().next([])).toBeUndefined();
  });

  test('turns are spread: low is served once in every 21', () => {
    const turn = new BandTurn();
    const order = Array.from({ length: 210 }, () => turn.next(['high', 'normal', 'low']));
    for (let at = 0; at < 210; at += 21)
      expect(order.slice(at, at + 21).filter((lane) => lane === 'low')).toHaveLength(1);
  });
});
