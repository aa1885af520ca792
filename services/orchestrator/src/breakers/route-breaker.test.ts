import { createLogger } from '@frame-buffer/telemetry';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Finding } from './findings.ts';
import { type BreakerState, breakerSettings } from './machine.ts';
import { RouteBreaker } from './route-breaker.ts';

const settings = breakerSettings({ failuresToOpen: 5, recoveryMs: 10_000, trialMs: 20_000 });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function bench(outstanding = 0) {
  const changes: BreakerState[] = [];
  const events: { event: string; to?: string | undefined; cause?: string | undefined }[] = [];
  const breaker = new RouteBreaker({
    processor: 'gpu',
    settings,
    events: { record: (event) => void events.push(event) },
    log: createLogger({ service: 'test', write: () => {} }),
    by: 'orc',
    now: () => Date.now(),
    outstanding: () => outstanding,
    onChange: (state) => void changes.push(state),
  });
  /** Hosting takes a few turns. */
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  const found = async (finding: Partial<Finding>) => {
    breaker.found({ processor: 'gpu', instance: 'one', succeeded: 0, failed: 0, serviceMs: 0, ...finding });
    await pass(0);
  };
  const open = async () => {
    await found({ failed: 5 });
    expect(breaker.state).toBe('open');
  };
  const halfOpen = async () => {
    await open();
    await pass(settings.recoveryMs);
    expect(breaker.state).toBe('halfOpen');
  };
  return { breaker, changes, events, pass, found, open, halfOpen };
}

describe('route breaker', () => {
  test('R5 - no actor while nothing fails', async () => {
    const { breaker, events, found } = bench();
    await found({ succeeded: 1_000 });
    expect(events).toEqual([]);
    expect(breaker.view).toMatchObject({ state: 'closed', since: null, failures: 0 });
  });

  test('opens with the fifth failure in a row, over instances, and not before', async () => {
    const { breaker, changes, events, found } = bench();
    await found({ failed: 2 });
    await found({ failed: 1, instance: 'two' });
    await found({ failed: 1 });
    expect(breaker.view).toMatchObject({ state: 'closed', failures: 4 });
    await found({ failed: 1, instance: 'two' });
    expect(changes).toEqual(['open']);
    expect(events.at(-1)).toMatchObject({ event: 'route-breaker.changed', to: 'open', cause: 'call.failed' });
  });

  test('a success in between makes the count start anew', async () => {
    const { breaker, found } = bench();
    await found({ failed: 4 });
    await found({ succeeded: 1 });
    await found({ failed: 4 });
    expect(breaker.state).toBe('closed');
    await found({ failed: 1 });
    expect(breaker.state).toBe('open');
  });

  test('an instance that fails does not open the route while another one works', async () => {
    const { breaker, found, pass } = bench();
    await found({ succeeded: 1, instance: 'good', serviceMs: 1_000 });
    await found({ failed: 50, instance: 'bad' });
    await pass(2_900);
    expect(breaker.state).toBe('closed');
    // The good one is heard of no more.
    await pass(200);
    expect(breaker.state).toBe('open');
  });

  test('R3 - one message with both cannot open it, and its failures count', async () => {
    const { breaker, found } = bench();
    await found({ succeeded: 60, failed: 60 });
    expect(breaker.state).toBe('closed');
    await found({ failed: 1 });
    expect(breaker.state).toBe('open');
  });

  test('open - results change nothing', async () => {
    const { breaker, found, open, pass } = bench();
    await open();
    await found({ succeeded: 100 });
    await pass(settings.recoveryMs - 1);
    expect(breaker.state).toBe('open');
    await pass(1);
    expect(breaker.state).toBe('halfOpen');
  });

  test('halfOpen - closes after three successes, whoever dispatched them', async () => {
    const { breaker, changes, found, halfOpen } = bench();
    await halfOpen();
    breaker.dispatched(2);
    expect(breaker.view.trials).toBe(2);
    await found({ succeeded: 1 });
    await found({ succeeded: 1 });
    expect(breaker.view).toMatchObject({ state: 'halfOpen', successes: 2 });
    await found({ succeeded: 1 });
    expect(changes).toEqual(['open', 'halfOpen', 'closed']);
  });

  test('R4 - halfOpen - one failure reopens, whatever else its message says', async () => {
    const { breaker, changes, found, halfOpen } = bench();
    await halfOpen();
    await found({ succeeded: 10, failed: 1 });
    expect(changes).toEqual(['open', 'halfOpen', 'open']);
    expect(breaker.state).toBe('open');
  });

  test("halfOpen - the failure of somebody else's trial reopens it", async () => {
    const { breaker, found, halfOpen } = bench();
    await halfOpen();
    await found({ failed: 1 });
    expect(breaker.state).toBe('open');
  });

  test('R2 - what began in an earlier era changes nothing', async () => {
    const { breaker, found, halfOpen, pass } = bench();
    await halfOpen();
    await pass(100);
    await found({ failed: 1, serviceMs: 101 });
    await found({ succeeded: 3, serviceMs: 101 });
    expect(breaker.state).toBe('halfOpen');
    await found({ succeeded: 3, serviceMs: 99 });
    expect(breaker.state).toBe('closed');
    await found({ failed: 5, serviceMs: 50 });
    expect(breaker.state).toBe('closed');
  });

  test.each([
    ['dispatched', 0],
    ['outstanding from before', 7],
  ])('R4 - halfOpen - silent trials that were %s reopen it', async (_, outstanding) => {
    const { breaker, halfOpen, pass } = bench(outstanding);
    await halfOpen();
    if (outstanding === 0) breaker.dispatched(5);
    expect(breaker.view.trials).toBe(3);
    await pass(settings.trialMs - 1);
    expect(breaker.state).toBe('halfOpen');
    await pass(1);
    expect(breaker.state).toBe('open');
  });

  test('a reset closes it from everywhere, and forgets', async () => {
    const { breaker, changes, events, found, open } = bench();
    breaker.reset();
    await found({ failed: 4 });
    breaker.reset();
    expect(breaker.view.failures).toBe(0);
    await found({ failed: 4 });
    expect(breaker.state).toBe('closed');
    await open();
    breaker.reset();
    expect(changes).toEqual(['open', 'closed']);
    expect(events.at(-1)).toMatchObject({ to: 'closed', cause: 'breaker.reset' });
  });
});
