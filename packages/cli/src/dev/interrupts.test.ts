import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { Interrupts } from './interrupts.ts';

function interrupted() {
  const source = new EventEmitter();
  let now = 1_000;
  let seconds = 0;
  const interrupts = new Interrupts(
    source,
    () => (seconds += 1),
    () => now,
  );
  const signal = (name: string, afterMs: number) => {
    now += afterMs;
    source.emit(name, name);
  };
  return { interrupts, signal, seconds: () => seconds };
}

test('I1 the first signal asks, the second one ends, whichever they are', () => {
  const { interrupts, signal, seconds } = interrupted();
  expect(interrupts.first.aborted).toBe(false);
  signal('SIGINT', 0);
  expect([interrupts.first.aborted, seconds()]).toEqual([true, 0]);
  signal('SIGTERM', 250);
  expect(seconds()).toBe(1);
});

test('I2 a repetition at once is the same wish', () => {
  const { signal, seconds } = interrupted();
  signal('SIGINT', 0);
  signal('SIGINT', 249);
  expect(seconds()).toBe(0);
});
