/**
 * What becomes of a frame that failed, and whose fault it was: the one place where that is decided. Pure.
 *
 *   X1  The broker's trouble is never the frame's fault: a frame whose picture the broker does not hand out for now is tried
 *       again, in place, until its deadline.
 *   X2  What cannot end otherwise is not tried again: an evicted picture, a `TerminalError`, any error of ours that is not
 *       retryable. Nor is it held against the handler, unless the handler itself returned something impossible.
 *   X3  Everything else goes back to the retry lane, `retries` times at most.
 *   X4  A frame whose life ends before its next attempt could begin is dead-lettered at once, for the reason that it failed
 *       for: `expired` would hide that somebody tried and failed.
 */
import { FrameBufferError } from '@frame-buffer/protocol';
import type { PictureState } from '../frame.ts';
import { retryDelayMs } from './retry-delay.ts';
import { TerminalError } from './terminal-error.ts';

export interface Failure {
  readonly kind: 'threw' | 'timed_out';
  readonly error: unknown;
  /** How the fetching of this frame's picture stood. */
  readonly picture: PictureState;
  /** Did the call, for this frame or another of its batch, fail for want of a picture that may still come? */
  readonly isBrokerTrouble: boolean;
  /** 0 for the first. */
  readonly attempt: number;
  /** Attempts that may follow the first. */
  readonly retries: number;
  /** Milliseconds until the frame's deadline; Infinity for none. */
  readonly lifeMs: number;
}

/** Whose fault it was. */
export type Blame = 'handler' | 'frame' | 'broker';

export type FailureReason = 'handler_failed' | 'timed_out' | 'pixels_evicted';

export type Decision =
  | { readonly action: 'again'; readonly blame: 'broker'; readonly delayMs: number }
  | { readonly action: 'retry'; readonly blame: 'handler'; readonly reason: FailureReason; readonly delayMs: number }
  | { readonly action: 'deadLetter'; readonly blame: Blame; readonly reason: FailureReason };

const AGAIN_MS = 1_000;

/** `random`: from 0 to below 1. */
export function decide(failure: Failure, random: () => number): Decision {
  const { kind, error, picture, isBrokerTrouble, attempt, retries, lifeMs } = failure;
  if (picture === 'evicted') return { action: 'deadLetter', blame: 'frame', reason: 'pixels_evicted' };
  if (isBrokerTrouble) return { action: 'again', blame: 'broker', delayMs: AGAIN_MS };
  const reason = kind === 'timed_out' ? 'timed_out' : 'handler_failed';
  if (kind === 'threw' && isFinal(error)) {
    return { action: 'deadLetter', blame: isOfFrame(error) ? 'frame' : 'handler', reason };
  }
  if (attempt < retries) {
    const delayMs = retryDelayMs(attempt, random);
    if (delayMs < lifeMs) return { action: 'retry', blame: 'handler', reason, delayMs };
  }
  return { action: 'deadLetter', blame: 'handler', reason };
}

function isFinal(error: unknown): error is FrameBufferError {
  return error instanceof FrameBufferError && !error.retryable;
}

function isOfFrame(error: FrameBufferError): boolean {
  return error instanceof TerminalError || error.code.startsWith('pixels_');
}
