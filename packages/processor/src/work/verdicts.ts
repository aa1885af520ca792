/**
 * What becomes of the frames of a call that has ended, and what that says of the handler.
 *
 * Each frame has an outcome of its own; `decide` says what becomes of those that failed. To the breaker a call is worth what its
 * best frame is worth: one that was worked shows that the handler works.
 */
import { FrameBufferError } from '@frame-buffer/protocol';
import type { FrameInHand } from '../frame.ts';
import type { Verdict } from '../guard/breaker.ts';
import type { Task } from '../intake/task.ts';
import type { HandlerResult } from '../options.ts';
import type { Outcomes } from '../outcome/outcomes.ts';
import type { Counters } from '../stats.ts';
import type { Ended } from './calls.ts';
import { type Blame, decide } from './failure.ts';

export interface VerdictsOptions {
  readonly outcomes: Outcomes;
  readonly counters: Counters;
  readonly retries: number;
  readonly timeoutMs: number;
  /** Milliseconds since a stamp of the broker. */
  readonly sinceMs: (stampedAtMs: number) => number;
  /** Has a task begun anew, here, after a while. */
  readonly again: (task: Task, delayMs: number) => void;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** A call, or one frame of it, that failed. */
interface Fault {
  readonly kind: 'threw' | 'timed_out';
  readonly error: unknown;
  readonly isBrokerTrouble: boolean;
}

export class Verdicts {
  readonly #options: VerdictsOptions;

  constructor(options: VerdictsOptions) {
    this.#options = options;
  }

  /** Writes down what became of each frame of a call; the call is worth what its best frame is worth. */
  conclude(frames: readonly FrameInHand[], ended: Ended<readonly HandlerResult[]>, serviceMs: number): Verdict {
    if (ended.kind !== 'returned') {
      const { kind } = ended;
      const error = kind === 'threw' ? ended.error : tookTooLong(this.#options.timeoutMs);
      const isBrokerTrouble = frames.some(({ picture }) => isMissing(picture, kind));
      return this.#failAll(frames, { kind, error, isBrokerTrouble }, serviceMs);
    }
    const { value } = ended;
    if (!Array.isArray(value) || value.length !== frames.length) {
      // Retryable: alone, or in other company, the frames may fare better.
      const error = new FrameBufferError('invalid_batch_result', `handleBatch must return ${frames.length} results`, {
        retryable: true,
      });
      return this.#failAll(frames, { kind: 'threw', error, isBrokerTrouble: false }, serviceMs);
    }
    let verdict: Verdict | undefined;
    for (const [i, frame] of frames.entries()) verdict = better(verdict, this.#finish(frame, value[i], serviceMs));
    return verdict ?? 'unknown';
  }

  #finish(frame: FrameInHand, value: unknown, serviceMs: number): Verdict {
    const error = value instanceof Error ? value : this.#options.outcomes.processed(frame, value, serviceMs);
    if (error === undefined) return 'succeeded';
    const isBrokerTrouble = isMissing(frame.picture, 'threw');
    return this.#fail(frame, { kind: 'threw', error, isBrokerTrouble }, serviceMs);
  }

  #failAll(frames: readonly FrameInHand[], fault: Fault, serviceMs: number): Verdict {
    let verdict: Verdict | undefined;
    for (const frame of frames) verdict = better(verdict, this.#fail(frame, fault, serviceMs));
    return verdict ?? 'unknown';
  }

  #fail(frame: FrameInHand, fault: Fault, serviceMs: number): Verdict {
    const { outcomes, counters, retries, sinceMs, again, random } = this.#options;
    const { task, picture, attempt } = frame;
    const leftMs = lifeMs(task, sinceMs(task.message.stampedAtMs));
    const decision = decide({ ...fault, picture, attempt, retries, lifeMs: leftMs }, random);
    if (decision.action === 'again') {
      counters.again += 1;
      again(task, decision.delayMs);
      return 'unknown';
    }
    if (decision.reason === 'timed_out') counters.timedOut += 1;
    if (decision.action === 'retry') outcomes.returned(frame, decision, fault.error, serviceMs);
    else outcomes.deadLettered(frame, decision.reason, fault.error, serviceMs);
    return verdictOf[decision.blame];
  }
}

/** Milliseconds that a task may still live, having waited so long since its message was stored; Infinity without deadline. */
export function lifeMs({ batch, index }: Task, waitedMs: number): number {
  const maxAgeMs = batch.maxAgeMs(index);
  return maxAgeMs === 0 ? Infinity : maxAgeMs - batch.ageAtPublishMs(index) - waitedMs;
}

export function tookTooLong(timeoutMs: number): FrameBufferError {
  return new FrameBufferError('timed_out', `the handler took longer than ${timeoutMs} ms`);
}

const verdictOf: Readonly<Record<Blame, Verdict>> = { handler: 'failed', frame: 'neutral', broker: 'unknown' };

/** The best last. */
const RANK: readonly Verdict[] = ['unknown', 'neutral', 'failed', 'succeeded'];

function better(a: Verdict | undefined, b: Verdict): Verdict {
  return a === undefined || RANK.indexOf(b) > RANK.indexOf(a) ? b : a;
}

/** A call that timed out while its picture was on the way failed by that. */
function isMissing(picture: FrameInHand['picture'], kind: 'threw' | 'timed_out'): boolean {
  return picture === 'unavailable' || (kind === 'timed_out' && picture === 'waiting');
}
