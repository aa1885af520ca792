import { FrameBufferError } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import type { ProcessorOptions } from './index.ts';
import { registrationOf, resolveOptions } from './options.ts';

const handle = () => undefined;
const handleBatch = () => [];

function fault(options: object): string {
  try {
    resolveOptions(options as ProcessorOptions);
  } catch (error) {
    if (error instanceof FrameBufferError && error.code === 'invalid_processor_options') return error.message;
    throw error;
  }
  return 'none';
}

test('every fault is reported at once', () => {
  const message = fault({ name: 'a.b', capabilities: [], concurrency: 0, timeoutMs: 1.5 });
  for (const part of ['name "a.b"', 'capabilities', 'handle', 'concurrency', 'timeoutMs'])
    expect(message).toContain(part);
});

test.each([
  ['a name with dots', { name: 'a.b', capabilities: ['x'], handle }, 'name "a.b" is not allowed'],
  ['a name with spaces', { name: 'a b', capabilities: ['x'], handle }, 'name "a b" is not allowed'],
  ['a wildcard', { name: '>', capabilities: ['x'], handle }, 'name ">" is not allowed'],
  ['no name', { capabilities: ['x'], handle }, 'name undefined is not allowed'],
  ['300 characters', { name: 'n'.repeat(300), capabilities: ['x'], handle }, '…'],
  ['no capabilities', { name: 'a', capabilities: [], handle }, 'at least one capability'],
  ['capabilities that are no list', { name: 'a', capabilities: 'x', handle }, 'at least one capability'],
  ['a capability with a star', { name: 'a', capabilities: ['x', '*'], handle }, 'capability "*" is not allowed'],
  ['a capability twice', { name: 'a', capabilities: ['x', 'x'], handle }, 'named twice'],
  ['17 capabilities', { name: 'a', capabilities: Array.from({ length: 17 }, (_, i) => `c${i}`), handle }, 'at most 16'],
  ['no handler', { name: 'a', capabilities: ['x'] }, 'one of handle and handleBatch'],
  ['both handlers', { name: 'a', capabilities: ['x'], handle, handleBatch }, 'not both'],
  ['a handler that is none', { name: 'a', capabilities: ['x'], handle: 'f' }, 'handle must be a function'],
  ['maxBatch with handle', { name: 'a', capabilities: ['x'], handle, maxBatch: 4 }, 'maxBatch belongs to handleBatch'],
  ['concurrency 0', { name: 'a', capabilities: ['x'], handle, concurrency: 0 }, 'concurrency must be a whole number'],
  ['concurrency NaN', { name: 'a', capabilities: ['x'], handle, concurrency: Number.NaN }, 'concurrency'],
  ['maxBatch 1025', { name: 'a', capabilities: ['x'], handleBatch, maxBatch: 1025 }, 'maxBatch'],
  ['maxWaitMs −1', { name: 'a', capabilities: ['x'], handleBatch, maxWaitMs: -1 }, 'maxWaitMs'],
  ['an encoding nobody knows', { name: 'a', capabilities: ['x'], handle, encodings: ['bmp'] }, 'encodings'],
  ['a label with a dot', { name: 'a', capabilities: ['x'], handle, labels: { 'a.b': '' } }, 'labels'],
  ['an instance with a dot', { name: 'a', capabilities: ['x'], handle, instance: 'a.1' }, 'instance "a.1"'],
])('%s is refused', (_what, options, message) => {
  expect(fault(options)).toContain(message);
});

test('defaults, and what is registered with handle', () => {
  const resolved = resolveOptions({ name: 'motion', capabilities: ['motion'], handle });
  expect(resolved).toMatchObject({ concurrency: 1, maxBatch: 1, maxWaitMs: 0, timeoutMs: 30_000, drainMs: 30_000 });
  expect(registrationOf(resolved)).toEqual({
    name: 'motion',
    capabilities: ['motion'],
    concurrency: 1,
    maxBatch: 64,
    maxQueue: 1000,
    encodings: ['jpeg'],
    settles: true,
    liveness: 'heartbeat',
    ackWaitMs: 30_000,
    labels: {},
    version: '',
  });
});

test('handleBatch registers frames, not calls; its messages hold at least 64', () => {
  const small = resolveOptions({ name: 'a', capabilities: ['x'], handleBatch, maxBatch: 8, concurrency: 2 });
  expect(registrationOf(small)).toMatchObject({ concurrency: 16, maxBatch: 64 });
  const large = resolveOptions({ name: 'a', capabilities: ['x'], handleBatch, maxBatch: 256 });
  expect(registrationOf(large)).toMatchObject({ concurrency: 256, maxBatch: 256 });
});

test.each([
  ['retries −1', { retries: -1 }, 'retries must be a whole number from 0 to 20'],
  ['retries 21', { retries: 21 }, 'retries'],
  ['slowMs 0', { slowMs: 0 }, 'slowMs'],
  ['a breaker that is none', { breaker: true }, 'breaker must be false, or hold some of'],
  ['no failures', { breaker: { failures: 0 } }, 'breaker.failures must be a whole number from 1'],
  ['a recovery without end', { breaker: { recoveryMs: Infinity } }, 'breaker.recoveryMs'],
  ['half a trial', { breaker: { trialCalls: 0.5 } }, 'breaker.trialCalls'],
  ['no successes', { breaker: { successesToClose: 0 } }, 'breaker.successesToClose'],
  ['what is not known', { breaker: { threshold: 5 } }, 'breaker."threshold" is not known'],
])('%s is refused', (_what, options, message) => {
  expect(fault({ name: 'a', capabilities: ['x'], handle, ...options })).toContain(message);
});

test('retries and breaker: defaults, what is given, and none', () => {
  const resolved = (options: object) => resolveOptions({ name: 'a', capabilities: ['x'], handle, ...options });
  expect(resolved({ timeoutMs: 1_000 })).toMatchObject({
    retries: 3,
    slowMs: 800,
    breaker: { failuresToOpen: 5, recoveryMs: 30_000, trialCalls: 3, successesToClose: 3, trialMs: 30_000 },
  });
  // A trial that still has time is not silent.
  expect(resolved({ timeoutMs: 60_000, breaker: { failures: 2 } }).breaker).toMatchObject({
    failuresToOpen: 2,
    trialMs: 120_000,
  });
  expect(resolved({ breaker: false, retries: 0 })).toMatchObject({ breaker: undefined, retries: 0 });
});
