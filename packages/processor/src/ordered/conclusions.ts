/**
 * What is written down about a frame of an ordered partition, and in which order.
 *
 *   W1  The settlement first, behind the fence; then the result (behind its fence), or the dead letter. Whoever has lost the
 *       partition is refused with the settlement, and writes nothing else.
 *   W2  A repeat is harmless: the result's id is made of frame, capability, processor and generation.
 *   W3  `concluded` means that all of it is stored. A crash in between has the next owner work the frame again.
 */

import { type Publisher, type SettlementKey, SettlementWriter } from '@frame-buffer/jetstream';
import { FrameBufferError, frameId, subject } from '@frame-buffer/protocol';
import type { Task } from '../intake/task.ts';
import { type DeadLetters, describe, type Identity } from '../outcome/dead-letters.ts';
import { taskKey } from '../outcome/task-key.ts';
import type { RareLog } from '../rare-log.ts';
import type { Counters } from '../stats.ts';
import type { FencedPublisher } from './fenced-publisher.ts';
import type { Worked } from './frame-work.ts';

export interface ConclusionsOptions {
  readonly identity: Identity;
  readonly settlements: FencedPublisher;
  readonly results: FencedPublisher;
  readonly deadLetters: DeadLetters;
  /** May a message have so many bytes? */
  readonly fits: (bytes: number) => boolean;
  readonly counters: Counters;
  readonly failed: RareLog;
  /** Resolves when the partition is lost. */
  readonly lost: Promise<void>;
}

export type Concluded = 'concluded' | 'given_up';
type Settled = SettlementKey['kind'];

export class Conclusions {
  readonly #options: ConclusionsOptions;
  readonly #writer: SettlementWriter;

  constructor(options: ConclusionsOptions) {
    this.#options = options;
    const publisher: Pick<Publisher, 'publish'> = options.settlements;
    this.#writer = new SettlementWriter({ publisher, writer: options.identity.instance });
  }

  /** Never rejects for what the broker says. */
  async conclude(worked: Exclude<Worked, { kind: 'stopped' }>, isRepeat: boolean): Promise<Concluded> {
    switch (worked.kind) {
      case 'processed':
        return this.#processed(worked, isRepeat);
      case 'failed':
        return this.#failed(worked, isRepeat);
      case 'damaged':
        return this.#damaged(worked, isRepeat);
      case 'expired':
        this.#options.counters.expired += 1;
        return this.#settle(worked.task, 'expired', 'deadline', 0, isRepeat);
    }
  }

  /** It came behind a newer one of its camera. */
  superseded(task: Task, isRepeat: boolean): Promise<Concluded> {
    return this.#settle(task, 'superseded', 'late', 0, isRepeat);
  }

  async #processed(worked: Worked & { kind: 'processed' }, isRepeat: boolean): Promise<Concluded> {
    const { frame, value, serviceMs } = worked;
    const payload = value === undefined ? undefined : this.#encode(worked);
    if (payload instanceof FrameBufferError)
      return this.#failed({ kind: 'failed', frame, reason: 'handler_failed', error: payload, serviceMs }, isRepeat);
    this.#options.counters.processed += 1;
    const settled = await this.#settle(frame.task, 'processed', 'handled', serviceMs, isRepeat);
    if (settled === 'given_up' || payload === undefined) return settled;
    const { identity, results } = this.#options;
    const msgId = `${frame.id}.${frame.capability}.${identity.name}.${frame.task.batch.generation}.ordered`;
    const { ok } = await results.publish(subject.results(identity.name, frame.camera), payload, { msgId });
    return ok ? 'concluded' : 'given_up';
  }

  async #failed(worked: Worked & { kind: 'failed' }, isRepeat: boolean): Promise<Concluded> {
    const { counters, deadLetters, failed } = this.#options;
    const { frame, reason, error, serviceMs } = worked;
    counters.deadLettered += 1;
    if (reason === 'timed_out') counters.timedOut += 1;
    failed.write({ frame: frame.id, capability: frame.capability, reason, error: describe(error) });
    const settled = await this.#settle(frame.task, 'dead_lettered', reason, serviceMs, isRepeat);
    if (settled === 'given_up') return settled;
    return (await deadLetters.ofFrame(frame, reason, error)) === 'stored' ? 'concluded' : 'given_up';
  }

  async #damaged({ task, error }: Worked & { kind: 'damaged' }, isRepeat: boolean): Promise<Concluded> {
    const { counters, deadLetters, failed } = this.#options;
    const { batch, index, message } = task;
    const known = {
      frame: frameId({ ...batch.cameraOf(index), sequence: batch.sequence(index) }),
      capability: batch.capability,
      attempts: batch.attempt(index) + 1,
    };
    counters.deadLettered += 1;
    failed.write({ ...known, reason: 'undecodable', error: describe(error) });
    const settled = await this.#settle(task, 'dead_lettered', 'undecodable', 0, isRepeat);
    if (settled === 'given_up') return settled;
    const stored = await deadLetters.ofDamagedFrame(message, known, batch.recordBytes(index), error);
    return stored === 'stored' ? 'concluded' : 'given_up';
  }

  async #settle(
    { batch, index }: Task,
    kind: Settled,
    reason: string,
    serviceMs: number,
    redelivered: boolean,
  ): Promise<Concluded> {
    const { identity, lost } = this.#options;
    const key = taskKey({ batch, index }, identity, kind, reason);
    // A writer that is refused keeps its promise open: nobody may take that for stored.
    const stored = this.#writer.add(key, batch.sequence(index), { serviceMs, redelivered });
    return Promise.race([stored.then(() => 'concluded' as const), lost.then(() => 'given_up' as const)]);
  }

  #encode({ frame, value, serviceMs }: Worked & { kind: 'processed' }): Buffer | FrameBufferError {
    const { identity, fits } = this.#options;
    let json: string | undefined;
    try {
      json = JSON.stringify(value);
    } catch (cause) {
      return new FrameBufferError('invalid_result', 'the result cannot be written as JSON', { cause });
    }
    if (json === undefined) return new FrameBufferError('invalid_result', `a ${typeof value} is no result`);
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
    if (fits(payload.length)) return payload;
    return new FrameBufferError('result_too_large', `a result of ${payload.length} bytes does not fit into a message`);
  }
}
