/**
 * Outcomes: what is written down about a frame, and in which order.
 *
 *   O1  Result, dead letter or return first, then the settlement, then the ack of the message; each waits for the broker's
 *       PubAck of the one before.
 *   O2  Repeats are harmless: results, dead letters and returns have deterministic ids, settlements are sets.
 *   O3  What cannot be written down for good gives its message back: the work is done again rather than lost.
 */

import type { SettlementKey, SettlementWriter } from '@frame-buffer/jetstream';
import { FrameBufferError, frameId, subject } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { FrameInHand } from '../frame.ts';
import type { MessageInHand } from '../intake/message.ts';
import type { Task } from '../intake/task.ts';
import { RareLog } from '../rare-log.ts';
import type { Counters } from '../stats.ts';
import type { FailureReason } from '../work/failure.ts';
import { type DeadLetters, type DeadReason, describe, type Identity } from './dead-letters.ts';
import type { Returns } from './returns.ts';
import type { Store, Stored } from './store.ts';
import { taskKey } from './task-key.ts';

export interface OutcomesOptions {
  readonly identity: Identity;
  readonly store: Store;
  readonly deadLetters: DeadLetters;
  readonly returns: Returns;
  readonly settlements: SettlementWriter;
  readonly counters: Counters;
  readonly log: Logger;
}

/** After something unforeseen, a message rests before it is tried again. */
const GIVE_BACK_MS = 1_000;

export class Outcomes {
  readonly #options: OutcomesOptions;
  readonly #failed: RareLog;
  readonly #retried: RareLog;
  /** Messages with a frame in the settlement that is being gathered; one entry a frame. */
  #gathered: MessageInHand[] = [];
  #gathering: Promise<void> | undefined;

  constructor(options: OutcomesOptions) {
    this.#options = options;
    this.#failed = new RareLog(options.log, 'warn', 'frame.failed');
    this.#retried = new RareLog(options.log, 'warn', 'frame.returned');
  }

  /** Returns an error when the value is no result: then nothing was written, and the frame has failed. */
  processed(frame: FrameInHand, value: unknown, serviceMs: number): FrameBufferError | undefined {
    let payload: Buffer | undefined;
    if (value !== undefined) {
      const encoded = this.#encode(frame, value, serviceMs);
      if (encoded instanceof FrameBufferError) return encoded;
      payload = encoded;
    }
    this.#options.counters.processed += 1;
    const { task } = frame;
    if (payload === undefined) this.#settleOnly(task, 'processed', 'handled', serviceMs);
    else void this.#concludeResult(frame, payload, serviceMs);
    return undefined;
  }

  expired(task: Task): void {
    this.#options.counters.expired += 1;
    this.#settleOnly(task, 'expired', 'deadline', 0);
  }

  /** Back to its lane, alone, for another attempt: no outcome yet. */
  returned(
    frame: FrameInHand,
    { reason, delayMs }: { readonly reason: FailureReason; readonly delayMs: number },
    error: unknown,
    serviceMs: number,
  ): void {
    const { counters, returns } = this.#options;
    counters.retried += 1;
    const { id, capability, attempt, task } = frame;
    this.#retried.write({ frame: id, capability, reason, attempt, again_ms: delayMs, error: describe(error) });
    void this.#conclude(task.message, async () => {
      const stored = await returns.forRetry(task, delayMs);
      if (stored === 'too_large') {
        // It cannot be tried again; the letter takes what fits.
        this.deadLettered(frame, reason, error, serviceMs);
        return false;
      }
      if (stored !== 'stored') return false;
      await this.#settle(task, 'returned', reason, serviceMs);
      return true;
    });
  }

  /** Back to the lane they came from, as they were: tasks of one message that were not begun. */
  handedBack(tasks: readonly Task[], reason: string): void {
    for (const run of runsOf(tasks)) void this.#handBack(run, reason);
  }

  deadLettered(frame: FrameInHand, reason: DeadReason, error: unknown, serviceMs: number): void {
    const { counters, deadLetters } = this.#options;
    counters.deadLettered += 1;
    this.#failed.write({ frame: frame.id, capability: frame.capability, reason, error: describe(error) });
    void this.#conclude(frame.task.message, async () => {
      if ((await deadLetters.ofFrame(frame, reason, error)) !== 'stored') return false;
      await this.#settle(frame.task, 'dead_lettered', reason, serviceMs);
      return true;
    });
  }

  /** One frame of a batch whose record is damaged. */
  undecodableFrame(task: Task, error: unknown): void {
    const { counters, deadLetters } = this.#options;
    const { batch, index, message } = task;
    const known = {
      frame: frameId({ ...batch.cameraOf(index), sequence: batch.sequence(index) }),
      capability: batch.capability,
      attempts: batch.attempt(index) + 1,
    };
    counters.deadLettered += 1;
    this.#failed.write({ ...known, reason: 'undecodable', error: describe(error) });
    void this.#conclude(message, async () => {
      const stored = await deadLetters.ofDamagedFrame(message, known, batch.recordBytes(index), error);
      if (stored !== 'stored') return false;
      await this.#settle(task, 'dead_lettered', 'undecodable', 0);
      return true;
    });
  }

  /** A message that is no batch: its frames are not known, so there is nothing to settle. */
  undecodableMessage(message: MessageInHand, bytes: Uint8Array, detail: string): void {
    const { deadLetters } = this.#options;
    this.#failed.write({ subject: message.subject, reason: 'undecodable', detail });
    void this.#conclude(message, async () => (await deadLetters.ofMessage(message, bytes, detail)) === 'stored');
  }

  async #handBack(run: readonly Task[], reason: string): Promise<void> {
    const { counters, returns } = this.#options;
    const [first] = run;
    if (first === undefined) return;
    counters.handedBack += run.length;
    await this.#conclude(
      first.message,
      async () => {
        const stored = await returns.unbegun(first, run.length);
        // What fitted into one message and does not any more: the whole of it is worked again.
        if (stored === 'too_large') first.message.giveBack(GIVE_BACK_MS);
        if (stored !== 'stored') return false;
        await Promise.all(run.map((task) => this.#settle(task, 'returned', reason, 0)));
        return true;
      },
      run.length,
    );
  }

  #concludeResult(frame: FrameInHand, payload: Buffer, serviceMs: number): Promise<void> {
    return this.#conclude(frame.task.message, async () => {
      if ((await this.#putResult(frame, payload)) !== 'stored') return false;
      await this.#settle(frame.task, 'processed', 'handled', serviceMs);
      return true;
    });
  }

  /**
   * Nothing to store before the settlement: the way of most frames, so without a promise for each. Frames that are settled
   * together share one.
   */
  #settleOnly(task: Task, kind: SettlementKey['kind'], reason: string, serviceMs: number): void {
    const stored = this.#settle(task, kind, reason, serviceMs);
    if (stored !== this.#gathering) {
      const gathered: MessageInHand[] = [];
      this.#gathering = stored;
      this.#gathered = gathered;
      void stored.then(() => {
        for (const message of gathered) message.settled();
      });
    }
    this.#gathered.push(task.message);
  }

  /** `write` says whether everything is stored; if not, the instance is closing. */
  async #conclude(message: MessageInHand, write: () => Promise<boolean>, frames = 1): Promise<void> {
    try {
      if (await write()) message.settled(frames);
    } catch (error) {
      this.#options.log.error('frame.unsettled', { subject: message.subject, error });
      message.giveBack(GIVE_BACK_MS);
    }
  }

  #settle({ batch, index, message }: Task, kind: SettlementKey['kind'], reason: string, serviceMs: number) {
    const { settlements, identity } = this.#options;
    const key = taskKey({ batch, index }, identity, kind, reason);
    return settlements.add(key, batch.sequence(index), { serviceMs, redelivered: message.isRedelivered });
  }

  #putResult(frame: FrameInHand, payload: Buffer): Promise<Stored> {
    const { identity, store } = this.#options;
    const { batch } = frame.task;
    return store.put(subject.results(identity.name, frame.camera), payload, {
      msgId: `${frame.id}.${frame.capability}.${identity.name}.${frame.attempt}.${batch.generation}`,
    });
  }

  #encode(frame: FrameInHand, value: unknown, serviceMs: number): Buffer | FrameBufferError {
    const { identity, store } = this.#options;
    const json = toJson(value);
    if (json instanceof FrameBufferError) return json;
    const envelope = JSON.stringify({
      frame: frame.id,
      camera: frame.camera,
      capability: frame.capability,
      processor: identity.name,
      instance: identity.instance,
      capturedAt: frame.capturedAt.toISOString(),
      ageMs: Math.round(frame.ageMs() * 1000) / 1000,
      handledMs: Math.round(serviceMs * 1000) / 1000,
      attempt: frame.attempt,
    });
    const payload = Buffer.from(`${envelope.slice(0, -1)},"result":${json}}`);
    if (store.fits(payload.length)) return payload;
    return new FrameBufferError('result_too_large', `a result of ${payload.length} bytes does not fit into a message`);
  }
}

/** Neighbours in their batch, in its order. */
function runsOf(tasks: readonly Task[]): Task[][] {
  const runs: Task[][] = [];
  for (const task of tasks.toSorted((a, b) => a.index - b.index)) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1)?.index === task.index - 1) run.push(task);
    else runs.push([task]);
  }
  return runs;
}

function toJson(value: unknown): string | FrameBufferError {
  try {
    const json: string | undefined = JSON.stringify(value);
    if (json !== undefined) return json;
  } catch (cause) {
    return new FrameBufferError('invalid_result', 'the result cannot be written as JSON', { cause });
  }
  return new FrameBufferError('invalid_result', `a ${typeof value} is no result`);
}
