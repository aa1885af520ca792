import { encodeBatch, FrameBufferError, openBatch } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import type { FrameSources } from '../frame.ts';
import { NO_BREAKER } from '../guard/breaker.ts';
import type { MessageInHand } from '../intake/message.ts';
import type { Task } from '../intake/task.ts';
import type { BatchHandler } from '../options.ts';
import { newCounters } from '../stats.ts';
import { TerminalError } from '../work/terminal-error.ts';
import { FrameWork, RETRY_AFTER_MS } from './frame-work.ts';
import { Gate } from './gate.ts';

function task(maxAgeMs = 0): Task {
  const frame = {
    camera: 'a',
    epoch: 1,
    sequence: 1,
    capturedAtMs: 0,
    width: 4,
    height: 4,
    encoding: 'jpeg' as const,
    byteSize: 1,
    pixelSequence: 1,
    capabilities: ['track'],
    priority: 5,
    maxAgeMs,
  };
  const opened = openBatch(encodeBatch({ capability: 'track' }, [{ ageMs: 0, frame }]));
  if (!opened.ok) throw new Error(opened.detail);
  return { message: { stampedAtMs: 0 } as MessageInHand, batch: opened.batch, index: 0 };
}

function workWith(handler: BatchHandler, sources: Partial<FrameSources> = {}) {
  return new FrameWork({
    handler,
    capabilities: new Set(['track']),
    timeoutMs: 50,
    sources: { pixels: undefined as never, sinceMs: () => 0, ...sources },
    counters: newCounters(),
    gate: new Gate(1),
    breaker: NO_BREAKER,
    onCalled: () => {},
    onOverdue: () => {},
  });
}

const always = () => Promise.resolve(true);
const never = new AbortController().signal;

test('H2 - a frame that fails is called again so many times, in place', async () => {
  let calls = 0;
  const failing = workWith(() => {
    calls += 1;
    throw new Error('no');
  });
  expect(await failing.work([task()], always, never)).toMatchObject([{ kind: 'failed', reason: 'handler_failed' }]);
  expect(calls).toBe(1 + RETRY_AFTER_MS.length);
  calls = 0;
  const recovering = workWith(() => {
    calls += 1;
    if (calls < 3) throw new Error('not yet');
    return ['found'];
  });
  expect(await recovering.work([task()], always, never)).toMatchObject([{ kind: 'processed', value: 'found' }]);
});

test('H2 - not so one that took too long, or that will never do', async () => {
  let calls = 0;
  const slow = workWith(() => {
    calls += 1;
    return new Promise(() => {});
  });
  expect(await slow.work([task()], always, never)).toMatchObject([{ kind: 'failed', reason: 'timed_out' }]);
  const terminal = workWith(() => {
    calls += 1;
    throw new TerminalError('never');
  });
  expect(await terminal.work([task()], always, never)).toMatchObject([{ kind: 'failed', reason: 'handler_failed' }]);
  expect(calls).toBe(2);
});

test('nothing is begun without being allowed to, or behind a deadline, and what is none of ours fails', async () => {
  const handler: BatchHandler = () => {
    throw new FrameBufferError('called', 'the handler was called');
  };
  expect(await workWith(handler).work([task()], () => Promise.resolve(false), never)).toEqual([{ kind: 'stopped' }]);
  expect(await workWith(handler).work([task()], always, AbortSignal.abort())).toEqual([{ kind: 'stopped' }]);
  expect(await workWith(handler, { sinceMs: () => 10 }).work([task(5)], always, never)).toMatchObject([
    { kind: 'expired' },
  ]);
});

test('H4 - paused, it waits', async () => {
  let calls = 0;
  const work = workWith(() => [++calls]);
  work.pause();
  const working = work.work([task()], always, never);
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toBe(0);
  work.resume();
  expect(await working).toMatchObject([{ kind: 'processed', value: 1 }]);
});
