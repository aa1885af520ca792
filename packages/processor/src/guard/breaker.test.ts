import { silentLogger } from '@frame-buffer/telemetry';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Breaker, hostBreaker, NO_BREAKER, type Verdict } from './breaker.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function host() {
  const changes: string[] = [];
  const recorded: string[] = [];
  const breaker: Breaker = await hostBreaker({
    settings: { failuresToOpen: 3, recoveryMs: 1_000, trialCalls: 2, successesToClose: 2, trialMs: 5_000 },
    id: 'motion-a',
    by: 'a',
    events: { record: ({ kind, id, from = '', to = '' }) => recorded.push(`${kind}.${id} ${from}>${to}`) },
    log: silentLogger,
    onChange: (state) => changes.push(state),
  });
  const call = (...verdicts: Verdict[]) => {
    for (const verdict of verdicts) breaker.ended(breaker.begin(), verdict);
  };
  const openIt = () => call('failed', 'failed', 'failed');
  const tryIt = async () => {
    openIt();
    await vi.advanceTimersByTimeAsync(1_000);
  };
  return { breaker, call, changes, recorded, openIt, tryIt };
}

test('G2 the failure that opens it has told so before it returns', async () => {
  const { breaker, call, changes } = await host();
  call('failed', 'failed');
  expect([breaker.state, breaker.room]).toEqual(['closed', Infinity]);
  call('failed');
  expect([breaker.state, breaker.room, changes]).toEqual(['open', 0, ['open']]);
});

test('a success in between makes the count start anew; a frame’s own fault or the broker’s trouble does not', async () => {
  const { breaker, call } = await host();
  call('failed', 'failed', 'succeeded', 'failed', 'failed', 'neutral', 'unknown');
  expect(breaker.state).toBe('closed');
  call('failed');
  expect(breaker.state).toBe('open');
});

test('half-open: so many trials and no more; successes close it, and it is written down', async () => {
  const { breaker, changes, recorded, tryIt } = await host();
  await tryIt();
  expect([breaker.state, breaker.room]).toEqual(['halfOpen', 2]);
  const [a, b] = [breaker.begin(), breaker.begin()];
  expect(breaker.room).toBe(0);
  breaker.ended(a, 'succeeded');
  expect(breaker.room).toBe(1);
  breaker.ended(b, 'neutral');
  expect(changes).toEqual(['open', 'halfOpen', 'closed']);
  expect(recorded).toEqual([
    'breaker.motion-a >closed',
    'breaker.motion-a closed>open',
    'breaker.motion-a open>halfOpen',
    'breaker.motion-a halfOpen>closed',
  ]);
});

test('one failed trial opens it again; what began before says nothing', async () => {
  const { breaker, changes, tryIt } = await host();
  const early = breaker.begin();
  await tryIt();
  breaker.ended(early, 'failed');
  expect(breaker.state).toBe('halfOpen');
  breaker.ended(breaker.begin(), 'failed');
  expect(changes).toEqual(['open', 'halfOpen', 'open']);
});

test('G3 a trial that failed by the broker’s trouble is silent, and silence opens it again', async () => {
  const { breaker, call, tryIt } = await host();
  await tryIt();
  call('unknown');
  expect(breaker.room).toBe(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(breaker.state).toBe('open');
});

test('reset closes it from everywhere, and it counts on as before', async () => {
  const { breaker, call, openIt } = await host();
  call('failed', 'failed');
  breaker.reset();
  call('failed', 'failed');
  expect(breaker.state).toBe('closed');
  call('failed');
  expect(breaker.state).toBe('open');
  breaker.reset();
  expect([breaker.state, breaker.room]).toEqual(['closed', Infinity]);
  openIt();
  expect(breaker.state).toBe('open');
});

test('without a breaker everything may begin, always', () => {
  for (let i = 0; i < 100; i++) NO_BREAKER.ended(NO_BREAKER.begin(), 'failed');
  expect([NO_BREAKER.state, NO_BREAKER.room]).toEqual([undefined, Infinity]);
});
