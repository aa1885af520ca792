/**
 * Work sent to processors that write no settlements: the broker's ack metric tells that a message was acknowledged, and this
 * orchestrator then writes `processed/acked` for its tasks.
 *
 *   A1  `routed` is in the books before the FRAMES message is acknowledged: should this orchestrator die, the health-monitor
 *       knows what to look for.
 *   A3  What a lost processor's queue gives back is nobody's: it is not taken for acknowledged because it is gone.
 *   A2  Ack metrics are hints: a message that is gone from WORK although no metric came is acknowledged all the same.
 */

import type { SettlementWriter } from '@frame-buffer/jetstream';
import { anySubject, type BatchView, type Settlement, STREAM } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Range } from '../dispatch/task-ranges.ts';

interface Sent {
  readonly processor: string;
  readonly capability: string;
  readonly generation: number;
  readonly tasks: readonly { readonly camera: string; readonly epoch: number; readonly sequence: number }[];
}

export interface PlainWorkOptions {
  readonly nc: NatsConnection;
  readonly settlements: SettlementWriter;
  readonly self: string;
  readonly log: Logger;
}

export class PlainWork {
  readonly #options: PlainWorkOptions;
  /** By sequence in WORK. Bounded by the credit of the processors concerned. */
  readonly #sent = new Map<number, Sent>();
  /** Metrics that overtook the PubAck of their message. */
  readonly #early = new Set<number>();

  constructor(options: PlainWorkOptions) {
    this.#options = options;
    options.nc.subscribe(anySubject.ackMetrics, {
      callback: (_error, message) => {
        const { stream_seq } = message.json<{ stream_seq?: number }>();
        if (typeof stream_seq === 'number') this.#acked(stream_seq);
      },
    });
  }

  get outstanding(): number {
    return this.#sent.size;
  }

  /** Resolves when the routing is in the books. */
  async routed(batch: BatchView, range: Range, processor: string, sequence: number): Promise<void> {
    const tasks = [];
    for (let i = range.from; i < range.to; i++) {
      const { camera, epoch } = batch.cameraOf(i);
      tasks.push({ camera, epoch, sequence: batch.sequence(i) });
    }
    const sent: Sent = { processor, capability: batch.capability, generation: batch.generation, tasks };
    this.#sent.set(sequence, sent);
    await this.#write('routed', 'queued', sent);
    if (this.#early.delete(sequence)) this.#acked(sequence);
  }

  /** What was given back to its lane is gone from the queue, and nobody has acknowledged it. */
  returned({ entries }: Settlement): void {
    for (const { kind, processor, capability, camera, epoch, sequences } of entries) {
      if (kind !== 'returned') continue;
      for (const [at, sent] of this.#sent) {
        if (sent.processor !== processor || sent.capability !== capability) continue;
        const isOther = (task: Sent['tasks'][number]) =>
          task.camera !== camera || task.epoch !== epoch || !sequences.has(task.sequence);
        if (!sent.tasks.every(isOther)) this.#sent.delete(at);
      }
    }
  }

  /** Asks the broker for each message whose metric has not come. */
  async reconcile(processor: string): Promise<void> {
    for (const [sequence, sent] of this.#sent) {
      if (sent.processor !== processor) continue;
      if (await this.#isGone(sequence)) this.#acked(sequence);
    }
  }

  #acked(sequence: number): void {
    const sent = this.#sent.get(sequence);
    if (sent === undefined) {
      // Somebody else's message, or one whose PubAck is still on its way.
      this.#early.add(sequence);
      if (this.#early.size > 10_000) this.#early.clear();
      return;
    }
    this.#sent.delete(sequence);
    void this.#write('processed', 'acked', sent);
  }

  #write(kind: 'routed' | 'processed', reason: string, sent: Sent): Promise<unknown> {
    const { settlements, self } = this.#options;
    const { capability, processor, generation } = sent;
    return Promise.all(
      sent.tasks.map(({ camera, epoch, sequence }) =>
        settlements.add({ camera, epoch, capability, kind, reason, processor, dispatcher: self, generation }, sequence),
      ),
    );
  }

  async #isGone(sequence: number): Promise<boolean> {
    try {
      const answer = await this.#options.nc.request(`$JS.API.DIRECT.GET.${STREAM.work}`, `{"seq":${sequence}}`, {
        timeout: 2_000,
      });
      return answer.headers?.code === 404;
    } catch (error) {
      this.#options.log.warn('plain.reconcile_failed', { sequence, error });
      return false;
    }
  }
}
