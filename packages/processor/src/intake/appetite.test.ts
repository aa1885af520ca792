import { expect, test } from 'vitest';
import { Appetite } from './appetite.ts';

function appetite(capacity: number, maxFrames = 1) {
  const clock = { ms: 1_000 };
  const it = new Appetite(capacity, maxFrames, () => clock.ms);
  const hold = (frames: number, messages = frames) => it.want({ messages, frames, unsettled: frames });
  return { it, hold, clock };
}

test('P1 slow handlers hold what they work, and nothing for later', () => {
  const { hold } = appetite(4);
  expect([hold(0), hold(1), hold(4), hold(9)]).toEqual([4, 3, 0, 0]);
});

test('P1 what was finished in the last 200 ms may wait here; then it is forgotten', () => {
  const { it, hold, clock } = appetite(4);
  it.finished(50);
  clock.ms += 100;
  it.finished(50);
  expect(hold(4)).toBe(100);
  clock.ms += 120;
  expect(hold(4)).toBe(50);
  clock.ms += 100;
  expect(hold(4)).toBe(0);
  clock.ms += 1e9;
  expect(hold(4)).toBe(0);
});

test('P1 messages are counted by the frames that they use to hold', () => {
  const { it, hold } = appetite(4, 64);
  // Nothing known yet: they may be full.
  expect(hold(0)).toBe(1);
  it.arrived(2);
  expect(hold(0)).toBe(2);
  for (let i = 0; i < 50; i++) it.arrived(64);
  it.finished(640);
  expect(hold(0)).toBe(10);
});

test('P2 with room for one frame, one message is asked for', () => {
  const { hold } = appetite(1, 64);
  expect([hold(0, 0), hold(1, 1)]).toEqual([1, 0]);
});

test('P3 unsettled frames and messages in hand are bounded', () => {
  const { it } = appetite(1_000_000);
  expect(it.want({ messages: 1, frames: 0, unsettled: 8_192 })).toBe(0);
  expect(it.want({ messages: 1_024, frames: 0, unsettled: 0 })).toBe(0);
  expect(it.want({ messages: 1_000, frames: 0, unsettled: 0 })).toBe(24);
});
