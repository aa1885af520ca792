import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Presence } from './presence.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function started() {
  const told: string[] = [];
  const presence = new Presence({
    now: () => Date.now(),
    onAway: (reason) => told.push(`away: ${reason}`),
    onHere: () => told.push('here'),
  });
  return { presence, told };
}

test('before the first own heartbeat only the connection counts', () => {
  const { presence, told } = started();
  vi.advanceTimersByTime(60_000);
  expect(presence.isHere).toBe(true);
  presence.disconnected();
  presence.disconnected();
  presence.reconnected();
  expect(told).toEqual(['away: disconnected', 'here']);
  presence.stop();
});

test('a broker that is connected and silent is away, before a processor could be lost of it', () => {
  const { presence, told } = started();
  // A processor beat at 0, we nearly a second later; at 3000 it would be lost.
  vi.advanceTimersByTime(990);
  presence.heard();
  vi.advanceTimersByTime(1_700);
  expect(presence.isHere).toBe(true);
  vi.advanceTimersByTime(300);
  expect(told).toEqual(['away: own heartbeat is late']);
  presence.heard();
  expect(presence.since).toBe(Date.now());
  expect(told.at(-1)).toBe('here');
  presence.stop();
});

test('a connection is not enough when heartbeats were heard before: they have to come again', () => {
  const { presence } = started();
  presence.heard();
  presence.disconnected();
  vi.advanceTimersByTime(20_000);
  presence.reconnected();
  expect(presence.isHere).toBe(false);
  presence.heard();
  expect(presence.isHere).toBe(true);
  presence.stop();
});
