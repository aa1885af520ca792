/**
 * Returns: frames that go back to a lane of their capability. Their records are copied, not read.
 *
 *   N1  They are nobody's any more (no dispatcher), and older by what they have waited: no return makes a frame younger.
 *   N2  Ids are deterministic, so a repeat within the broker's window is stored once: of a retry, frame, capability, attempt
 *       and generation; of what was not begun, the message that it came in.
 *   N3  While a lane is full, or the stream is not there, the frame stays here, unsettled.
 */
import { frameId, LANES, type Lane, sliceBatch, subject } from '@frame-buffer/protocol';
import type { Task } from '../intake/task.ts';
import type { Store, Stored } from './store.ts';

export class Returns {
  readonly #store: Pick<Store, 'put'>;
  readonly #processor: string;
  readonly #sinceMs: (stampedAtMs: number) => number;

  /** `sinceMs`: milliseconds since a stamp of the broker. */
  constructor(store: Pick<Store, 'put'>, processor: string, sinceMs: (stampedAtMs: number) => number) {
    this.#store = store;
    this.#processor = processor;
    this.#sinceMs = sinceMs;
  }

  /** One frame to the retry lane, not to be dispatched before `delayMs` have passed. */
  forRetry(task: Task, delayMs: number): Promise<Stored> {
    const { batch, index } = task;
    const { capability, generation } = batch;
    const frame = frameId({ ...batch.cameraOf(index), sequence: batch.sequence(index) });
    const attempt = batch.attempt(index) + 1;
    return this.#store.put(
      subject.frames(capability, 'retry'),
      () => sliceBatch(batch, index, index + 1, { ...this.#header(task), raiseAttempt: 1, delayMs }),
      { msgId: `retry.${frame}.${capability}.${attempt}.${generation}` },
    );
  }

  /** So many frames from this task on to the lane that their message came from: no attempt was made. */
  unbegun(first: Task, frames: number): Promise<Stored> {
    const { message, batch, index } = first;
    return this.#store.put(
      subject.frames(batch.capability, laneOf(message.subject)),
      () => sliceBatch(batch, index, index + frames, this.#header(first)),
      { msgId: `unbegun.${this.#processor}.${message.key}.${index}-${index + frames}` },
    );
  }

  #header({ batch, message }: Task) {
    const elapsedMs = batch.elapsedMs + this.#sinceMs(message.stampedAtMs);
    return { capability: batch.capability, generation: batch.generation, elapsedMs };
  }
}

/** The last token of `work.<processor>.<lane>`. A lane of a later version: `normal` delivers all the same. */
function laneOf(workSubject: string): Lane {
  const token = workSubject.slice(workSubject.lastIndexOf('.') + 1);
  return LANES.find((lane) => lane === token) ?? 'normal';
}
