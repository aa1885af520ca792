import { expect, test, vi } from 'vitest';
import type { PartEvent } from './part.ts';
import { type Life, Revival } from './revival.ts';

/** A part whose processes end when the test says so. */
function part(launches: readonly ('up' | 'fails')[]) {
  const deaths: ReturnType<typeof Promise.withResolvers<{ code: number | null; signal: NodeJS.Signals | null }>>[] = [];
  const events: PartEvent[] = [];
  let launched = 0;
  const live = (): Life => {
    const death = Promise.withResolvers<{ code: number | null; signal: NodeJS.Signals | null }>();
    deaths.push(death);
    return { exited: death.promise };
  };
  const revival = new Revival({
    name: 'motion',
    launch: async () => {
      const next = launches[launched++];
      if (next === 'up') return live();
      throw new Error('port taken');
    },
    onEvent: (event) => events.push(event),
    onState: () => {},
  });
  revival.watch(live());
  const die = (signal: NodeJS.Signals) => deaths.at(-1)?.resolve({ code: null, signal });
  return { revival, events, die, launched: () => launched };
}

test('R2 starts again until it is up, each time later, and counts', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  try {
    const { revival, events, die } = part(['fails', 'up']);
    die('SIGKILL');
    await vi.advanceTimersByTimeAsync(500);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(events).toEqual([
      { type: 'died', name: 'motion', how: 'SIGKILL', againInMs: 500 },
      { type: 'died', name: 'motion', how: 'port taken', againInMs: 1_000 },
      { type: 'returned', name: 'motion', restarts: 2 },
    ]);
    expect(revival.restarts).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});

test('R1 nothing is started once it has ended, not even after a wait under way', async () => {
  const { revival, events, die, launched } = part(['up']);
  die('SIGKILL');
  await vi.waitFor(() => expect(events).toHaveLength(1));
  revival.end();
  await new Promise((resolve) => setImmediate(resolve));
  expect(launched()).toBe(0);
});

test('R1 a part that was stopped is not missed', async () => {
  const { revival, events, die } = part(['up']);
  revival.end();
  die('SIGTERM');
  await new Promise((resolve) => setImmediate(resolve));
  expect(events).toEqual([]);
});
