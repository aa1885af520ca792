import { FrameBufferError } from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { decide, type Failure } from './failure.ts';
import { TerminalError } from './terminal-error.ts';

const failure: Failure = {
  kind: 'threw',
  error: new Error('no'),
  picture: 'here',
  isBrokerTrouble: false,
  attempt: 0,
  retries: 3,
  lifeMs: Infinity,
};
const noJitter = () => 0;
const decided = (change: Partial<Failure>) => decide({ ...failure, ...change }, noJitter);

const again = { action: 'again', blame: 'broker', delayMs: 1_000 };
const dead = (reason: string, blame: string) => ({ action: 'deadLetter', reason, blame });
const retry = (reason: string, delayMs: number) => ({ action: 'retry', reason, delayMs, blame: 'handler' });
const ours = (code: string, retryable = false) => new FrameBufferError(code, 'no', { retryable });

describe('what becomes of a frame that failed', () => {
  test.each<[string, Partial<Failure>, object]>([
    ['X1 the broker has no picture for now', { picture: 'unavailable', isBrokerTrouble: true }, again],
    ['X1 nor by the time', { kind: 'timed_out', picture: 'waiting', isBrokerTrouble: true }, again],
    ['X1 a neighbour wants for its picture', { kind: 'timed_out', isBrokerTrouble: true }, again],
    ['X1 however often it was tried', { isBrokerTrouble: true, attempt: 3 }, again],
    ['X2 the picture is evicted', { picture: 'evicted' }, dead('pixels_evicted', 'frame')],
    ['X2 and the broker is in trouble', { picture: 'evicted', isBrokerTrouble: true }, dead('pixels_evicted', 'frame')],
    ['X2 a TerminalError', { error: new TerminalError('hopeless') }, dead('handler_failed', 'frame')],
    ['X2 a damaged picture', { error: ours('pixels_damaged') }, dead('handler_failed', 'frame')],
    ['X2 a result that is none', { error: ours('invalid_result') }, dead('handler_failed', 'handler')],
    ['X3 an error of ours that may pass', { error: ours('pixels_unavailable', true) }, retry('handler_failed', 1_000)],
    ['X3 anything that is thrown', { error: 'text' }, retry('handler_failed', 1_000)],
    ['X3 a timeout', { kind: 'timed_out', error: ours('timed_out') }, retry('timed_out', 1_000)],
    ['X3 the last but one attempt', { attempt: 2 }, retry('handler_failed', 4_000)],
    ['X3 the last attempt', { attempt: 3 }, dead('handler_failed', 'handler')],
    ['X3 the last, by the time', { attempt: 3, kind: 'timed_out' }, dead('timed_out', 'handler')],
    ['X3 no retries at all', { retries: 0 }, dead('handler_failed', 'handler')],
    ['X4 life enough', { lifeMs: 1_001 }, retry('handler_failed', 1_000)],
    ['X4 too little life', { lifeMs: 1_000 }, dead('handler_failed', 'handler')],
    ['X4 none any more', { lifeMs: -5, kind: 'timed_out' }, dead('timed_out', 'handler')],
  ])('%s', (_what, change, decision) => {
    expect(decided(change)).toEqual(decision);
  });
});

test('a TerminalError may have a code of its own', () => {
  expect(new TerminalError('no').code).toBe('terminal');
  expect(new TerminalError('no', { code: 'NO_FACE', cause: 1 })).toMatchObject({ code: 'NO_FACE', cause: 1 });
});
