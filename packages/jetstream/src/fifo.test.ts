import { expect, test } from 'vitest';
import { Fifo } from './fifo.ts';

test('fifo - hands out in order, whatever is pushed in between', () => {
  const fifo = new Fifo<number>();
  const out: number[] = [];
  let pushed = 0;
  for (let round = 1; round <= 50; round++) {
    for (let i = 0; i < round; i++) fifo.push(pushed++);
    for (let i = 0; i < round - 1; i++) out.push(fifo.shift() ?? -1);
    expect(fifo.size).toBe(round);
    expect(fifo.peek()).toBe(out.length);
  }
  while (fifo.size > 0) out.push(fifo.shift() ?? -1);
  expect(out).toEqual(Array.from({ length: pushed }, (_, i) => i));
  expect(fifo.shift()).toBeUndefined();
  expect(fifo.peek()).toBeUndefined();
});

test('fifo - a million waiting cost no more each than a few', () => {
  // With an array's shift or splice this moves terabytes, and the test times out.
  const fifo = new Fifo<number>();
  for (let i = 0; i < 1_000_000; i++) fifo.push(i);
  let sum = 0;
  while (fifo.size > 0) sum += fifo.shift() ?? 0;
  expect(sum).toBe(499_999_500_000);
});
