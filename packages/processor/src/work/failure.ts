/**
 * What becomes of a frame that failed: the one place where that is decided.
 *
 * The broker's trouble is never the frame's fault: a frame whose picture the broker does not hand out is tried again, in
 * place, until its deadline. Everything else is final.
 */
import type { PictureState } from '../frame.ts';

export interface Failure {
  readonly kind: 'threw' | 'timed_out';
  /** How the fetching of this frame's picture stood. */
  readonly picture: PictureState;
  /** Did the call, for this frame or another of its batch, fail for want of a picture that may still come? */
  readonly isBrokerTrouble: boolean;
}

export type Decision =
  | { readonly action: 'again'; readonly delayMs: number }
  | { readonly action: 'deadLetter'; readonly reason: 'handler_failed' | 'timed_out' | 'pixels_evicted' };

const AGAIN_MS = 1_000;

export function decide({ kind, picture, isBrokerTrouble }: Failure): Decision {
  if (picture === 'evicted') return { action: 'deadLetter', reason: 'pixels_evicted' };
  if (isBrokerTrouble) return { action: 'again', delayMs: AGAIN_MS };
  return { action: 'deadLetter', reason: kind === 'timed_out' ? 'timed_out' : 'handler_failed' };
}
