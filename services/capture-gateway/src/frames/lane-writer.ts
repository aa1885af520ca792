/**
 * Writes the tasks of one lane, batched across cameras, adaptively and without a knob:
 *
 *   B1  A task that finds the line free leaves with the next turn of the event loop, alone if it is alone.
 *   B2  Tasks that come while a batch is on its way leave together when it has arrived, or when a batch is full.
 *   B3  A lane that refuses (its bound is reached) is tried again; meanwhile at most `MAX_WAITING` tasks wait here, the oldest
 *       give way as `shed/lane_full`, and those past their deadline as `expired/deadline`.
 *   B4  The lane of a partition has one batch on its way at a time: its tasks are stored in the order in which they came.
 */
import { BoundedBuffer } from '@frame-buffer/buffer';
import type { Publisher, PublishResult } from '@frame-buffer/jetstream';
import {
  type AnyLane,
  type BatchItem,
  bandOf,
  encodeBatch,
  parsePartitionLane,
  partitionLane,
  partitionOf,
  subject,
} from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { Books } from './books.ts';
import type { Task } from './captured-frame.ts';

const MAX_FRAMES = 128;
const MAX_ON_THE_WAY = 4;
const MAX_WAITING = 10_000;
const REFUSED_RETRY_MS = 250;

export interface LaneWriterOptions {
  readonly capability: string;
  readonly lane: AnyLane;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly books: Books;
  /** Makes message ids of this process unlike those of any other. */
  readonly nextId: () => string;
  readonly log: Logger;
}

export class LaneWriter {
  readonly #options: LaneWriterOptions;
  readonly #subject: string;
  readonly #maxOnTheWay: number;
  readonly #waiting = new BoundedBuffer<Task>({
    maxItems: MAX_WAITING,
    maxBytes: Number.POSITIVE_INFINITY,
    policy: 'drop-oldest',
  });
  /** Tasks of a refused batch: first in line again. */
  #refused: Task[] = [];
  #onTheWay = 0;
  #scheduled = false;
  #resting = false;

  constructor(options: LaneWriterOptions) {
    this.#options = options;
    this.#subject = subject.frames(options.capability, options.lane);
    this.#maxOnTheWay = parsePartitionLane(options.lane) === undefined ? MAX_ON_THE_WAY : 1;
  }

  /** Tasks not yet stored. */
  get pending(): number {
    return this.#waiting.length + this.#refused.length + this.#onTheWay;
  }

  add(task: Task): void {
    for (const shed of this.#waiting.push(task, 0)) this.#end(shed, { kind: 'shed', reason: 'lane_full' });
    this.#schedule();
  }

  /** Gives up what waits. For a stop that has run out of time. */
  abandon(): number {
    const left = [...this.#refused, ...this.#waiting.drain()];
    this.#refused = [];
    for (const task of left) this.#end(task, { kind: 'shed', reason: 'shutdown' });
    return left.length;
  }

  #schedule(): void {
    if (this.#scheduled || this.#resting) return;
    const full = this.#waiting.length >= MAX_FRAMES && this.#onTheWay < this.#maxOnTheWay;
    if (this.#onTheWay > 0 && !full) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const tasks = this.#take();
    if (tasks.length === 0) return;
    const now = performance.now();
    const items = tasks.map((task) => toItem(task, now));
    const payload = encodeBatch({ capability: this.#options.capability }, items);
    this.#onTheWay += 1;
    void this.#options.publisher.publish(this.#subject, payload, { msgId: this.#options.nextId() }).then((result) => {
      this.#onTheWay -= 1;
      this.#published(tasks, result);
      if (this.#waiting.length + this.#refused.length > 0) this.#schedule();
    });
    if (this.#waiting.length >= MAX_FRAMES) this.#schedule();
  }

  /** The next batch's tasks; those past their deadline are settled instead. */
  #take(): Task[] {
    const now = performance.now();
    const tasks: Task[] = [];
    while (tasks.length < MAX_FRAMES) {
      const task = this.#refused.shift() ?? this.#waiting.shift();
      if (task === undefined) break;
      const expired = task.maxAgeMs > 0 && now - task.frame.arrivedAtMs >= task.maxAgeMs;
      if (expired) this.#end(task, { kind: 'expired', reason: 'deadline' });
      else tasks.push(task);
    }
    return tasks;
  }

  #published(tasks: Task[], result: PublishResult): void {
    if (result.ok) {
      for (const task of tasks) this.#end(task, { kind: 'stored' });
      return;
    }
    if (result.reason === 'closed') return;
    this.#options.log.warn('lane.refused', { lane: this.#subject, reason: result.reason, detail: result.detail });
    this.#refused = [...this.#refused, ...tasks];
    this.#resting = true;
    setTimeout(() => {
      this.#resting = false;
      this.#schedule();
    }, REFUSED_RETRY_MS);
  }

  #end(task: Task, fate: Parameters<Books['enter']>[2]): void {
    this.#options.books.enter(task.frame, task.capability, fate);
  }
}

function toItem({ frame, pixelSequence, byteSize, maxAgeMs }: Task, now: number): BatchItem {
  const { camera, epoch, sequence, capturedAtMs, width, height, encoding, capabilities, priority, attributes } = frame;
  return {
    ageMs: now - frame.arrivedAtMs,
    frame: {
      camera,
      epoch,
      sequence,
      capturedAtMs,
      width,
      height,
      encoding,
      byteSize,
      pixelSequence,
      capabilities,
      priority,
      maxAgeMs,
      ...(attributes === undefined ? {} : { attributes }),
    },
  };
}

export interface LaneWritersOptions extends Omit<LaneWriterOptions, 'capability' | 'lane'> {
  /** Of an ordered capability; 0 when it is not ordered. */
  readonly partitions: (capability: string) => number;
}

/** One writer per lane, made when a frame first needs it. */
export class LaneWriters {
  readonly #writers = new Map<string, LaneWriter>();
  readonly #options: LaneWritersOptions;

  constructor(options: LaneWritersOptions) {
    this.#options = options;
  }

  /** Do frames of a camera have to be added in their order? */
  isOrdered(capability: string): boolean {
    return this.#options.partitions(capability) > 0;
  }

  add(task: Task): void {
    const { capability, frame } = task;
    const partitions = this.#options.partitions(capability);
    const lane = partitions > 0 ? partitionLane(partitionOf(frame.camera, partitions)) : bandOf(frame.priority);
    const key = `${capability}.${lane}`;
    let writer = this.#writers.get(key);
    if (writer === undefined) {
      writer = new LaneWriter({ ...this.#options, capability, lane });
      this.#writers.set(key, writer);
    }
    writer.add(task);
  }

  get pending(): number {
    let sum = 0;
    for (const writer of this.#writers.values()) sum += writer.pending;
    return sum;
  }

  abandon(): number {
    let sum = 0;
    for (const writer of this.#writers.values()) sum += writer.abandon();
    return sum;
  }
}
