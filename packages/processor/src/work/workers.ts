/**
 * The workers: tasks in hand become calls of the handler, at most `concurrency` at the same time.
 *
 *   K1  A frame whose deadline has passed is settled as expired; the handler never sees it.
 *   K2  Each frame of a call has an outcome of its own: its neighbours' failures are not its failure.
 *   K3  A call that takes longer than `timeoutMs` frees its worker.
 */
import { FrameBufferError } from '@frame-buffer/protocol';
import { FrameInHand, type FrameSources } from '../frame.ts';
import type { Task } from '../intake/task.ts';
import type { BatchHandler } from '../options.ts';
import type { Outcomes } from '../outcome/outcomes.ts';
import type { Counters } from '../stats.ts';
import { Assembler } from './assembler.ts';
import { type Attempt, attempt } from './attempt.ts';
import { decide } from './failure.ts';

export interface WorkersOptions {
  readonly handler: BatchHandler;
  readonly capabilities: readonly string[];
  readonly concurrency: number;
  readonly maxBatch: number;
  readonly maxWaitMs: number;
  readonly timeoutMs: number;
  readonly sources: FrameSources;
  readonly outcomes: Outcomes;
  readonly counters: Counters;
  /** So many frames were finished, or turned away. */
  readonly onFinished: (frames: number) => void;
}

export class Workers {
  readonly #options: WorkersOptions;
  readonly #assembler: Assembler<Task>;
  readonly #running = new Set<readonly FrameInHand[]>();
  readonly #capabilities: ReadonlySet<string>;
  /** Calls that have not ended and not timed out. */
  #busy = 0;
  /** Calls that have timed out and still have not ended. */
  #overdue = 0;
  #isAborted = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#capabilities = new Set(options.capabilities);
    this.#assembler = new Assembler({
      maxSize: options.maxBatch,
      maxWaitMs: options.maxWaitMs,
      admit: (task) => this.#admit(task),
      onDue: () => this.#start(),
    });
  }

  add(tasks: readonly Task[]): void {
    if (this.#isAborted) return;
    this.#assembler.add(tasks);
    this.#options.counters.queued += tasks.length;
    this.#start();
  }

  /** Gives back the messages of which nothing has been started. */
  giveBackWaiting(): void {
    const waiting = this.#assembler.remove(({ message }) => !message.hasBegun);
    this.#options.counters.queued -= waiting.length;
    for (const { message } of waiting) message.giveBack();
  }

  /** Ends the waiting for good: nothing more is started, and what runs is told to stop. Returns how many calls that are. */
  abort(): number {
    this.#isAborted = true;
    this.#assembler.close();
    this.#options.counters.queued -= this.#assembler.remove(() => true).length;
    const reason = new FrameBufferError('draining', 'the instance cannot wait for this call any longer');
    for (const frames of this.#running) for (const frame of frames) frame.abort(reason);
    return this.#busy + this.#overdue;
  }

  #start(): void {
    while (this.#busy < this.#options.concurrency) {
      const tasks = this.#assembler.take();
      if (tasks.length === 0) return;
      void this.#work(tasks);
    }
  }

  #admit(task: Task): boolean {
    const { counters, sources, outcomes } = this.#options;
    counters.queued -= 1;
    task.message.begin();
    const { batch, index, message } = task;
    if (!batch.isExpired(index, sources.sinceMs(message.stampedAtMs))) return true;
    outcomes.expired(task);
    this.#options.onFinished(1);
    return false;
  }

  async #work(tasks: readonly Task[]): Promise<void> {
    const frames = tasks.flatMap((task) => this.#open(task));
    if (frames.length === 0) return;
    const { counters, handler, timeoutMs, onFinished } = this.#options;
    this.#busy += 1;
    this.#running.add(frames);
    counters.inFlight += frames.length;
    const began = performance.now();
    const result = await attempt(() => handler(frames), {
      timeoutMs,
      onTimeout: () => {
        this.#overdue += 1;
        const reason = new FrameBufferError('timed_out', `the handler took longer than ${timeoutMs} ms`);
        for (const frame of frames) frame.abort(reason);
      },
      onLate: (how) => {
        this.#overdue -= 1;
        if (how === 'returned') counters.late += frames.length;
      },
    });
    const serviceMs = (performance.now() - began) / frames.length;
    this.#busy -= 1;
    this.#running.delete(frames);
    counters.inFlight -= frames.length;
    this.#conclude(frames, result, serviceMs);
    onFinished(frames.length);
    this.#start();
  }

  /** A frame whose record is damaged, or that is none of ours, does not reach the handler; the others of its message do. */
  #open(task: Task): FrameInHand[] {
    const { outcomes, sources, onFinished } = this.#options;
    try {
      const frame = new FrameInHand(task, sources);
      if (this.#capabilities.has(frame.capability)) return [frame];
      const error = new FrameBufferError('wrong_capability', `this processor does not do "${frame.capability}"`);
      outcomes.deadLettered(frame, 'handler_failed', error, 0);
    } catch (error) {
      outcomes.undecodableFrame(task, error);
    }
    onFinished(1);
    return [];
  }

  #conclude(frames: readonly FrameInHand[], result: Attempt<readonly unknown[]>, serviceMs: number): void {
    if (result.kind !== 'returned') {
      const error = result.kind === 'threw' ? result.error : this.#tookTooLong();
      const isBrokerTrouble = frames.some(({ picture }) => isMissing(picture, result.kind));
      for (const frame of frames) this.#fail(frame, { kind: result.kind, error, isBrokerTrouble }, serviceMs);
      return;
    }
    if (!Array.isArray(result.value) || result.value.length !== frames.length) {
      const error = new FrameBufferError('invalid_batch_result', `handleBatch must return ${frames.length} results`);
      for (const frame of frames) this.#fail(frame, { kind: 'threw', error, isBrokerTrouble: false }, serviceMs);
      return;
    }
    for (const [i, frame] of frames.entries()) this.#finish(frame, result.value[i], serviceMs);
  }

  #finish(frame: FrameInHand, value: unknown, serviceMs: number): void {
    const error = value instanceof Error ? value : this.#options.outcomes.processed(frame, value, serviceMs);
    if (error === undefined) return;
    const isBrokerTrouble = isMissing(frame.picture, 'threw');
    this.#fail(frame, { kind: 'threw', error, isBrokerTrouble }, serviceMs);
  }

  #fail(
    frame: FrameInHand,
    failure: { kind: 'threw' | 'timed_out'; error: unknown; isBrokerTrouble: boolean },
    serviceMs: number,
  ): void {
    const { outcomes, counters } = this.#options;
    const decision = decide({ ...failure, picture: frame.picture });
    if (decision.action === 'deadLetter') {
      if (decision.reason === 'timed_out') counters.timedOut += 1;
      outcomes.deadLettered(frame, decision.reason, failure.error, serviceMs);
      return;
    }
    counters.again += 1;
    setTimeout(() => this.add([frame.task]), decision.delayMs);
  }

  #tookTooLong(): FrameBufferError {
    return new FrameBufferError('timed_out', `the handler took longer than ${this.#options.timeoutMs} ms`);
  }
}

/** A call that timed out while its picture was on the way failed by that. */
function isMissing(picture: FrameInHand['picture'], kind: 'threw' | 'timed_out'): boolean {
  return picture === 'unavailable' || (kind === 'timed_out' && picture === 'waiting');
}
