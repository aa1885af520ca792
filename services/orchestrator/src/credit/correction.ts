/**
 * Corrects credit that went stale: a processor that holds credit and settles nothing is asked about at the broker. If its
 * queue is empty, nothing is outstanding, whatever was counted.
 */

import { durable, STREAM, subject } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import { queuedMessages } from '../ordered/work-queues.ts';
import type { PlainWork } from '../plain/plain-work.ts';
import type { Credits } from './credits.ts';

/** Longer than any settlement takes on its way, short enough that a lost one costs a second or two. */
const SILENT_MS = 2_000;
const CHECK_EVERY_MS = 1_000;

export interface CorrectionOptions {
  readonly nc: NatsConnection;
  readonly credits: Credits;
  readonly plainWork: PlainWork;
  readonly log: Logger;
  readonly onRoom: () => void;
}

export function startCorrection(options: CorrectionOptions): { stop(): void } {
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    void correctStale(options).finally(() => {
      busy = false;
    });
  }, CHECK_EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

async function correctStale({ nc, credits, plainWork, log, onRoom }: CorrectionOptions): Promise<void> {
  for (const processor of [...credits.stale(SILENT_MS)]) {
    await plainWork.reconcile(processor);
    const messages = (await queueLength(nc, processor)) ?? (await partitionsLength(nc, processor));
    if (messages !== 0) continue;
    log.info('credit.corrected', { processor, outstanding: credits.of(processor).outstanding });
    credits.of(processor).correctToEmpty();
    onRoom();
  }
}

/** Messages in a processor's queue, delivered or not; undefined when the broker cannot say. */
async function queueLength(nc: NatsConnection, processor: string): Promise<number | undefined> {
  try {
    const api = `$JS.API.CONSUMER.INFO.${STREAM.work}.${durable.processor(processor)}`;
    const info = (await nc.request(api, '', { timeout: 2_000 })).json<{
      num_pending?: number;
      num_ack_pending?: number;
    }>();
    if (info.num_pending === undefined || info.num_ack_pending === undefined) return undefined;
    return info.num_pending + info.num_ack_pending;
  } catch {
    return undefined;
  }
}

/** An ordered processor has a consumer a partition, and no other: what the stream holds for it says the same. */
async function partitionsLength(nc: NatsConnection, processor: string): Promise<number | undefined> {
  const queued = await queuedMessages(nc, subject.workOf(processor));
  return queued && [...queued.values()].reduce((sum, messages) => sum + messages, 0);
}
