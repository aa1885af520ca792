/**
 * What is done with the frames of an ordered partition: calls of the handler, with a bounded number of retries in place. Order
 * comes before progress: a frame that fails holds up its camera while it is tried again, then it is dead-lettered, and the next
 * one follows.
 *
 *   H1  At most `concurrency` calls at the same time, over all partitions of the instance.
 *   H2  A frame that fails is called again `RETRY_AFTER_MS.length` times at most. One that took too long is not: its call may
 *       still be running; nor one whose handler says that it makes no sense (`TerminalError`).
 *   H4  While the breaker is open, nothing is begun: what is in hand waits, and with it its partition.
 *   H3  A picture that the broker does not hand out for now is waited for, until the frame's deadline.
 */
import { FrameBufferError } from '@frame-buffer/protocol';
import { FrameInHand, type FrameSources } from '../frame.ts';
import type { Breaker, Verdict } from '../guard/breaker.ts';
import type { Task } from '../intake/task.ts';
import type { BatchHandler } from '../options.ts';
import type { DeadReason } from '../outcome/dead-letters.ts';
import { pause } from '../pause.ts';
import type { Counters } from '../stats.ts';
import { TerminalError } from '../work/terminal-error.ts';
import { type Attempt, attempt } from './bounded-call.ts';
import type { Gate } from './gate.ts';

export const RETRY_AFTER_MS: readonly number[] = [50, 250];
const PICTURE_AGAIN_MS = 1_000;

export interface FrameWorkOptions {
  readonly handler: BatchHandler;
  readonly capabilities: ReadonlySet<string>;
  readonly timeoutMs: number;
  readonly sources: FrameSources;
  readonly counters: Counters;
  readonly gate: Gate;
  readonly breaker: Pick<Breaker, 'room' | 'begin' | 'ended'>;
  /** Milliseconds of each call that ended, for the guard. */
  readonly onCalled: (ms: number) => void;
  readonly onOverdue: () => void;
}

export type Worked =
  | { readonly kind: 'processed'; readonly frame: FrameInHand; readonly value: unknown; readonly serviceMs: number }
  | {
      readonly kind: 'failed';
      readonly frame: FrameInHand;
      readonly reason: DeadReason;
      readonly error: unknown;
      readonly serviceMs: number;
    }
  | { readonly kind: 'damaged'; readonly task: Task; readonly error: unknown }
  | { readonly kind: 'expired'; readonly task: Task }
  /** The signal was aborted before it came to anything. */
  | { readonly kind: 'stopped' };

export class FrameWork {
  readonly #options: FrameWorkOptions;
  #overdue = 0;
  #running = 0;
  #isPaused = false;
  #waiting: (() => void)[] = [];

  constructor(options: FrameWorkOptions) {
    this.#options = options;
  }

  /** Calls that have timed out and still run. */
  get overdue(): number {
    return this.#overdue;
  }

  /** Calls that run and have not timed out. */
  get running(): number {
    return this.#running;
  }

  /** Begins nothing until `resume`. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.poke();
  }

  /** The breaker may admit a call. */
  poke(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const look of waiting) look();
  }

  /**
   * Works frames in one call (several only where the handler takes several). Answers one entry per task, in their order. `mayBegin`
   * is asked right before each call. Never rejects.
   */
  async work(tasks: readonly Task[], mayBegin: () => Promise<boolean>, signal: AbortSignal): Promise<Worked[]> {
    const opened = tasks.map((task) => this.#open(task));
    const frames = opened.filter((one) => one instanceof FrameInHand);
    const worked = frames.length === 0 ? [] : await this.#call(frames, mayBegin, signal);
    return opened.map((one) => (one instanceof FrameInHand ? (worked.shift() ?? { kind: 'stopped' }) : one));
  }

  #open(task: Task): FrameInHand | Worked {
    const { sources, capabilities } = this.#options;
    const { batch, index, message } = task;
    if (batch.isExpired(index, sources.sinceMs(message.stampedAtMs))) return { kind: 'expired', task };
    try {
      const frame = new FrameInHand(task, sources);
      if (capabilities.has(frame.capability)) return frame;
      const error = new FrameBufferError('wrong_capability', `this processor does not do "${frame.capability}"`);
      return { kind: 'failed', frame, reason: 'handler_failed', error, serviceMs: 0 };
    } catch (error) {
      return { kind: 'damaged', task, error };
    }
  }

  async #call(frames: FrameInHand[], mayBegin: () => Promise<boolean>, signal: AbortSignal): Promise<Worked[]> {
    const { gate, counters } = this.#options;
    for (let tries = 0; ; ) {
      if (signal.aborted) return frames.map(() => ({ kind: 'stopped' }));
      const began = performance.now();
      const result = await gate.pass(async () => {
        await this.#admitted(signal);
        return (await mayBegin()) ? this.#attempt(frames, signal) : undefined;
      });
      if (result === undefined) return frames.map(() => ({ kind: 'stopped' }));
      const serviceMs = (performance.now() - began) / frames.length;
      const outcome = this.#read(frames, result, serviceMs);
      const isAlone = frames.length === 1;
      const again = this.#againMs(frames, outcome, tries, isAlone || result.kind === 'threw');
      if (again === undefined) return outcome;
      if (again.counts) tries += 1;
      counters.again += frames.length;
      await pause(again.ms, signal);
      const late = this.#expiredMeanwhile(frames);
      if (late !== undefined) return late;
    }
  }

  async #attempt(frames: FrameInHand[], signal: AbortSignal): Promise<Attempt<readonly unknown[]>> {
    const { handler, timeoutMs, counters, breaker, onCalled, onOverdue } = this.#options;
    const era = breaker.begin();
    const began = performance.now();
    this.#running += 1;
    counters.inFlight += frames.length;
    const stop = () => {
      const reason = new FrameBufferError('draining', 'the instance cannot wait for this call any longer');
      for (const frame of frames) frame.abort(reason);
    };
    signal.addEventListener('abort', stop, { once: true });
    const result = await attempt(() => handler(frames), {
      timeoutMs,
      onTimeout: () => {
        this.#overdue += 1;
        onOverdue();
        for (const frame of frames) frame.abort(tookTooLong(timeoutMs));
      },
      onLate: (how) => {
        this.#overdue -= 1;
        onOverdue();
        if (how === 'returned') counters.late += frames.length;
      },
    });
    signal.removeEventListener('abort', stop);
    counters.inFlight -= frames.length;
    this.#running -= 1;
    onCalled(performance.now() - began);
    breaker.ended(era, verdictOf(frames, result));
    this.poke();
    return result;
  }

  async #admitted(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (this.#isPaused || this.#options.breaker.room <= 0)) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  #read(frames: readonly FrameInHand[], result: Attempt<readonly unknown[]>, serviceMs: number): Worked[] {
    const fail = (frame: FrameInHand, reason: DeadReason, error: unknown): Worked => ({
      kind: 'failed',
      frame,
      reason: frame.picture === 'evicted' ? 'pixels_evicted' : reason,
      error,
      serviceMs,
    });
    if (result.kind === 'timed_out')
      return frames.map((frame) => fail(frame, 'timed_out', tookTooLong(this.#options.timeoutMs)));
    if (result.kind === 'threw') return frames.map((frame) => fail(frame, 'handler_failed', result.error));
    const values: unknown = result.value;
    if (!Array.isArray(values) || values.length !== frames.length) {
      const error = new FrameBufferError('invalid_batch_result', `handleBatch must return ${frames.length} results`);
      return frames.map((frame) => fail(frame, 'handler_failed', error));
    }
    return frames.map((frame, i) => {
      const value: unknown = values[i];
      return value instanceof Error
        ? fail(frame, 'handler_failed', value)
        : { kind: 'processed', frame, value, serviceMs };
    });
  }

  /** Undefined when what has come out stands. */
  #againMs(
    frames: readonly FrameInHand[],
    outcome: readonly Worked[],
    tries: number,
    isWhole: boolean,
  ): { ms: number; counts: boolean } | undefined {
    const mayPass = (one: Worked) =>
      one.kind === 'failed' && one.reason === 'handler_failed' && !(one.error instanceof TerminalError);
    if (!isWhole || !outcome.some(mayPass)) return undefined;
    if (frames.some(({ picture }) => picture === 'unavailable')) return { ms: PICTURE_AGAIN_MS, counts: false };
    const ms = RETRY_AFTER_MS[tries];
    return ms === undefined ? undefined : { ms, counts: true };
  }

  #expiredMeanwhile(frames: readonly FrameInHand[]): Worked[] | undefined {
    const { sources } = this.#options;
    const isExpired = ({ task: { batch, index, message } }: FrameInHand) =>
      batch.isExpired(index, sources.sinceMs(message.stampedAtMs));
    return frames.every(isExpired) ? frames.map(({ task }) => ({ kind: 'expired', task })) : undefined;
  }
}

function tookTooLong(timeoutMs: number): FrameBufferError {
  return new FrameBufferError('timed_out', `the handler took longer than ${timeoutMs} ms`);
}

function verdictOf(frames: readonly FrameInHand[], { kind, ...result }: Attempt<readonly unknown[]>): Verdict {
  if (kind === 'returned') return 'succeeded';
  if (frames.some(({ picture }) => picture === 'unavailable' || picture === 'evicted')) return 'neutral';
  return 'error' in result && result.error instanceof TerminalError ? 'neutral' : 'failed';
}
