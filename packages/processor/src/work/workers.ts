/**
 * The workers: tasks in hand become calls of the handler, at most `concurrency` at the same time.
 *
 *   K1  A frame whose deadline has passed is settled as expired; the handler never sees it.
 *   K2  Each frame of a call has an outcome of its own: its neighbours' failures are not its failure. Where a call failed as a
 *       whole, who is to blame shows at the next attempt: frames that are tried again are called alone.
 *   K3  A call that takes longer than `timeoutMs` frees its worker.
 *   K4  From `close` to `open` nothing is begun, and what waits here, or comes, is given away.
 *   K5  Handlers that never wait do not starve the event loop: after `TURN_MS` it is somebody else's turn.
 */
import { FrameBufferError } from '@frame-buffer/protocol';
import { FrameInHand, type FrameSources } from '../frame.ts';
import type { Breaker } from '../guard/breaker.ts';
import type { MessageInHand } from '../intake/message.ts';
import type { Task } from '../intake/task.ts';
import type { BatchHandler, HandlerResult } from '../options.ts';
import type { Outcomes } from '../outcome/outcomes.ts';
import type { Counters } from '../stats.ts';
import { Assembler } from './assembler.ts';
import { Calls, type Ended } from './calls.ts';
import { lifeMs, tookTooLong, Verdicts } from './verdicts.ts';

export interface WorkersOptions {
  readonly handler: BatchHandler;
  readonly capabilities: readonly string[];
  readonly concurrency: number;
  readonly maxBatch: number;
  readonly maxWaitMs: number;
  readonly timeoutMs: number;
  /** Attempts that may follow a frame's first. */
  readonly retries: number;
  readonly sources: FrameSources;
  readonly outcomes: Outcomes;
  readonly counters: Counters;
  readonly breaker: Breaker;
  /** So many frames were finished, or turned away. */
  readonly onFinished: (frames: number) => void;
  /** A call took so long. */
  readonly onCalled: (ms: number) => void;
  /** The number of calls that have timed out and go on has changed. */
  readonly onOverdue: () => void;
  /** From 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
}

interface Call {
  readonly frames: readonly FrameInHand[];
  /** Of the breaker, when it began. */
  readonly era: number;
}

const TURN_MS = 10;

export class Workers {
  readonly #options: WorkersOptions;
  readonly #verdicts: Verdicts;
  readonly #assembler: Assembler<Task>;
  readonly #calls: Calls<Call, readonly HandlerResult[]>;
  readonly #capabilities: ReadonlySet<string>;
  /** Calls that have not ended and not timed out. */
  #busy = 0;
  #isAborted = false;
  #closedFor: string | undefined;
  #isStarting = false;
  /** When this turn of the event loop has been used up; 0 between turns. */
  #turnEndsAt = 0;
  /** This turn has been used up, and something may be left to begin. */
  #isCutShort = false;
  /** What `#waitedMs` has read. */
  #waitedOf: MessageInHand | undefined;
  #waited = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#verdicts = new Verdicts({
      ...options,
      sinceMs: options.sources.sinceMs,
      again: (task, delayMs) => void setTimeout(() => this.add([task]), delayMs),
      random: options.random ?? Math.random,
    });
    this.#capabilities = new Set(options.capabilities);
    this.#assembler = new Assembler({
      maxSize: options.maxBatch,
      maxWaitMs: options.maxWaitMs,
      admit: (task) => this.#admit(task),
      onDue: () => this.#start(),
      lifeMs: (task) => lifeMs(task, this.#waitedMs(task.message)),
      isAlone: ({ batch, index }) => batch.attempt(index) > 0,
    });
    this.#calls = new Calls({
      timeoutMs: options.timeoutMs,
      invoke: ({ frames }) => options.handler(frames),
      onEnded: (call, ended, ms) => this.#ended(call, ended, ms),
      onTimeout: ({ frames }) => this.#abort(frames, tookTooLong(options.timeoutMs)),
      onLate: ({ frames }, how) => this.#late(frames.length, how),
    });
  }

  /** Calls that have timed out and still have not come to an end. */
  get overdue(): number {
    return this.#calls.overdue;
  }

  add(tasks: readonly Task[]): void {
    if (this.#isAborted) return;
    this.#waitedOf = undefined;
    this.#assembler.add(tasks);
    this.#options.counters.queued += tasks.length;
    if (this.#closedFor === undefined) this.#start();
    else this.#giveAway(this.#closedFor);
  }

  /** Begins nothing more, and gives away what has not begun: whole messages to other instances, the rest of others to its lane. */
  close(reason: string): void {
    this.#closedFor = reason;
    this.#giveAway(reason);
  }

  open(): void {
    this.#closedFor = undefined;
    this.#start();
  }

  /** Says that the breaker may have room. */
  poke(): void {
    this.#start();
  }

  /** Gives back the messages of which nothing has been started. */
  giveBackWaiting(): void {
    const waiting = this.#take(({ message }) => !message.hasBegun);
    for (const { message } of waiting) message.giveBack();
  }

  /** Ends the waiting for good: nothing more is started, and what runs is told to stop. Returns how many calls that are. */
  abort(): number {
    this.#isAborted = true;
    this.#assembler.close();
    this.#calls.close();
    this.#take(() => true);
    const reason = new FrameBufferError('draining', 'the instance cannot wait for this call any longer');
    for (const { frames } of this.#calls.running()) this.#abort(frames, reason);
    return this.#busy + this.#calls.overdue;
  }

  #start(): void {
    // A call that ends at once comes back here.
    if (this.#isStarting || this.#isAborted) return;
    this.#isStarting = true;
    this.#turnEndsAt ||= this.#beginTurn();
    while (this.#mayStart() && !this.#isCutShort) {
      const tasks = this.#assembler.take();
      if (tasks.length === 0) break;
      this.#work(tasks);
      this.#isCutShort = performance.now() >= this.#turnEndsAt;
    }
    this.#isStarting = false;
  }

  #beginTurn(): number {
    setImmediate(() => {
      this.#turnEndsAt = 0;
      if (!this.#isCutShort) return;
      this.#isCutShort = false;
      this.#start();
    });
    return performance.now() + TURN_MS;
  }

  #mayStart(): boolean {
    const { concurrency, breaker } = this.#options;
    return this.#closedFor === undefined && this.#busy < concurrency && breaker.room > 0;
  }

  #take(matches: (task: Task) => boolean): Task[] {
    const taken = this.#assembler.remove(matches);
    this.#options.counters.queued -= taken.length;
    return taken;
  }

  #giveAway(reason: string): void {
    const begun = new Map<MessageInHand, Task[]>();
    for (const task of this.#take(() => true)) {
      const { message } = task;
      const tasks = begun.get(message);
      if (!message.hasBegun) message.giveBack();
      else if (tasks === undefined) begun.set(message, [task]);
      else tasks.push(task);
    }
    for (const tasks of begun.values()) this.#options.outcomes.handedBack(tasks, reason);
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

  /** Read once for all frames of a message: those with equal deadlines must stay in their order. */
  #waitedMs(message: MessageInHand): number {
    if (this.#waitedOf !== message) {
      this.#waitedOf = message;
      this.#waited = this.#options.sources.sinceMs(message.stampedAtMs);
    }
    return this.#waited;
  }

  #work(tasks: readonly Task[]): void {
    const frames = this.#openAll(tasks);
    if (frames.length === 0) return;
    this.#busy += 1;
    this.#options.counters.inFlight += frames.length;
    this.#calls.run({ frames, era: this.#options.breaker.begin() });
  }

  #openAll(tasks: readonly Task[]): FrameInHand[] {
    const frames: FrameInHand[] = [];
    for (const task of tasks) {
      const frame = this.#open(task);
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }

  /** A frame whose record is damaged, or that is none of ours, does not reach the handler; the others of its message do. */
  #open(task: Task): FrameInHand | undefined {
    const { outcomes, sources, onFinished } = this.#options;
    try {
      const frame = new FrameInHand(task, sources);
      if (this.#capabilities.has(frame.capability)) return frame;
      const error = new FrameBufferError('wrong_capability', `this processor does not do "${frame.capability}"`);
      outcomes.deadLettered(frame, 'handler_failed', error, 0);
    } catch (error) {
      outcomes.undecodableFrame(task, error);
    }
    onFinished(1);
    return undefined;
  }

  #ended({ frames, era }: Call, ended: Ended<readonly HandlerResult[]>, ms: number): void {
    const { counters, breaker, onFinished, onCalled, onOverdue } = this.#options;
    this.#busy -= 1;
    counters.inFlight -= frames.length;
    if (ended.kind === 'timed_out') {
      counters.overdue = this.#calls.overdue;
      onOverdue();
    }
    onCalled(ms);
    breaker.ended(era, this.#verdicts.conclude(frames, ended, ms / frames.length));
    onFinished(frames.length);
    this.#start();
  }

  #late(frames: number, how: 'returned' | 'threw'): void {
    const { counters, onOverdue } = this.#options;
    counters.overdue = this.#calls.overdue;
    if (how === 'returned') counters.late += frames;
    onOverdue();
    this.#start();
  }

  #abort(frames: readonly FrameInHand[], reason: FrameBufferError): void {
    for (const frame of frames) frame.abort(reason);
  }
}
