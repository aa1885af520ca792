/** Puts together what an instance of an ordered processor needs in place of the shared queue. */
import type { Publisher } from '@frame-buffer/jetstream';
import { BUCKET } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Settings } from '../environment.ts';
import type { FrameSources } from '../frame.ts';
import type { Breaker } from '../guard/breaker.ts';
import type { DeadLetters } from '../outcome/dead-letters.ts';
import type { Store } from '../outcome/store.ts';
import type { Counters } from '../stats.ts';
import { FrameWork } from './frame-work.ts';
import { Gate } from './gate.ts';
import { Partitions } from './partitions.ts';

/** An API subject whose answers hold the broker's time, and that an instance of an ordered processor may ask. */
export const ORDERED_CLOCK_SUBJECT = `$JS.API.STREAM.INFO.KV_${BUCKET.assignments}`;

export interface OpenPartitionsOptions {
  readonly nc: NatsConnection;
  readonly settings: Settings;
  readonly publisher: Publisher;
  readonly store: Store;
  readonly deadLetters: DeadLetters;
  readonly sources: FrameSources;
  readonly breaker: Breaker;
  readonly counters: Counters;
  readonly onCalled: (ms: number) => void;
  readonly onOverdue: () => void;
  readonly onState: (state: 'ok' | 'missing', detail: string) => void;
  readonly signal: AbortSignal;
}

/** Resolves when the assignments are read. */
export async function openPartitions(options: OpenPartitionsOptions): Promise<Partitions> {
  const { nc, settings, publisher, store, deadLetters, sources, breaker, counters, signal } = options;
  const { name, instance, handler, timeoutMs, maxBatch, concurrency, registration, logger: log } = settings;
  const work = new FrameWork({
    handler,
    capabilities: new Set(registration.capabilities),
    timeoutMs,
    sources,
    breaker,
    counters,
    gate: new Gate(concurrency),
    onCalled: options.onCalled,
    onOverdue: options.onOverdue,
  });
  const partitions = new Partitions(
    {
      nc,
      identity: { name, instance },
      publisher,
      deadLetters,
      fits: (bytes) => store.fits(bytes),
      work,
      maxBatch,
      ackWaitMs: registration.ackWaitMs,
      counters,
      log,
    },
    options.onState,
  );
  await partitions.start(signal);
  return partitions;
}
