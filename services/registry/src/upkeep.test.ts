import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Upkeep } from './upkeep.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function upkeep() {
  const failures: string[] = [];
  const upkeep = new Upkeep({ onFailure: ({ key, attempt }) => failures.push(`${key} ${attempt}`), firstDelayMs: 100 });
  return { upkeep, failures };
}

/** Work that ends when it is told to. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { work: () => promise, open: resolve };
}

test('U1 one piece of work runs at a time, in the order of its request', async () => {
  const { upkeep: jobs } = upkeep();
  const first = gate();
  const done: string[] = [];
  const a = jobs.request('a', async () => {
    await first.work();
    done.push('a');
  });
  const b = jobs.request('b', async () => done.push('b'));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(done).toEqual([]);
  first.open();
  await Promise.all([a, b]);
  expect(done).toEqual(['a', 'b']);
});

test('U2 a request during a run makes it run once more, with the newest work', async () => {
  const { upkeep: jobs } = upkeep();
  const first = gate();
  const runs: string[] = [];
  void jobs.request('a', async () => {
    runs.push('old');
    await first.work();
  });
  await vi.advanceTimersByTimeAsync(0);
  void jobs.request('a', async () => runs.push('newer'));
  const last = jobs.request('a', async () => runs.push('newest'));
  first.open();
  await last;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toEqual(['old', 'newest']);
});

test('U3 what fails is tried again until it succeeds, and others do not wait for it', async () => {
  const { upkeep: jobs, failures } = upkeep();
  let attempts = 0;
  let isDone = false;
  const failing = jobs.request('failing', async () => {
    attempts += 1;
    if (attempts < 4) throw new Error('not yet');
  });
  await jobs.request('other', async () => undefined);
  expect(jobs.pending).toEqual(['failing']);
  void failing.then(() => {
    isDone = true;
  });
  await vi.advanceTimersByTimeAsync(100);
  expect(isDone).toBe(false);
  await vi.advanceTimersByTimeAsync(600);
  expect({ isDone, attempts, failures }).toEqual({
    isDone: true,
    attempts: 4,
    failures: ['failing 1', 'failing 2', 'failing 3'],
  });
});

test('U4 a pause gives up what is in hand and begins nothing; afterwards everything is done at once', async () => {
  const { upkeep: jobs, failures } = upkeep();
  let runs = 0;
  const hanging = jobs.request('a', async () => {
    runs += 1;
    // The first answer was lost with the connection.
    if (runs === 1) await new Promise(() => {});
  });
  await vi.advanceTimersByTimeAsync(0);
  jobs.pause();
  const other = jobs.request('b', async () => runs++);
  await vi.advanceTimersByTimeAsync(60_000);
  expect({ runs, pending: jobs.pending.toSorted() }).toEqual({ runs: 1, pending: ['a', 'b'] });
  jobs.resume();
  await Promise.all([hanging, other]);
  expect({ runs, failures, pending: jobs.pending }).toEqual({ runs: 3, failures: [], pending: [] });
});

test('U4 resuming tries at once what waits for its next attempt', async () => {
  const { upkeep: jobs } = upkeep();
  let isReachable = false;
  const done = jobs.request('a', async () => {
    if (!isReachable) throw new Error('away');
  });
  await vi.advanceTimersByTimeAsync(0);
  isReachable = true;
  jobs.resume();
  await done;
  expect(jobs.pending).toEqual([]);
});

test('U5 who asked while a failing run was under way is served by a later run only', async () => {
  const { upkeep: jobs } = upkeep();
  const first = gate();
  const order: string[] = [];
  const early = jobs
    .request('a', async () => {
      await first.work();
      throw new Error('failed');
    })
    .then(() => order.push('early'));
  await vi.advanceTimersByTimeAsync(0);
  const late = jobs.request('a', async () => order.push('run')).then(() => order.push('late'));
  first.open();
  await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all([early, late]);
  expect(order).toEqual(['run', 'early', 'late']);
});

test('U5 stop lets go of everybody who waits, and nothing runs any more', async () => {
  const { upkeep: jobs } = upkeep();
  let runs = 0;
  const work = async () => {
    runs += 1;
    throw new Error('away');
  };
  const waiting = jobs.request('a', work);
  await vi.advanceTimersByTimeAsync(0);
  await jobs.stop();
  await waiting;
  await jobs.request('b', work);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toBe(1);
});
