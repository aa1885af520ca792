/**
 * Counts what the streams hold by reading them: FRAMES, then WORK, then what came to FRAMES meanwhile.
 *
 *   H1  A task that moves on (FRAMES to WORK) or back (WORK to a lane) during the scan is stored in its new place before it leaves the old,
 *       so that this order finds it at least once, unless it moves twice within one scan.
 *   H2  At most `maxMessages` messages and MAX_BYTES bytes are read. Where there are more, the answer is an estimate: messages per
 *       subject, exact, times the mean frames of a message, from a sample of each subject.
 */
import { STREAM, type StreamName } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';
import { readBatch, type StoredMessage } from '../streams/direct-read.ts';
import type { StreamStates } from '../streams/stream-states.ts';
import { Holdings } from './holdings.ts';

export interface Scan {
  /** Everything (`exact`), or the sample. */
  readonly holdings: Holdings;
  readonly exact: boolean;
  /** Tasks in the streams. */
  readonly tasks: number;
}

export interface ScanOptions {
  readonly nc: NatsConnection;
  readonly states: StreamStates;
  readonly maxMessages: number;
}

const MAX_BYTES = 32 * 1024 * 1024;
const READ_AT_ONCE = 500;
const LEAST_SAMPLE = 5;

/** Throws `stream_unavailable` or `broker_unavailable`, both retryable. */
export async function scanStreams(options: ScanOptions): Promise<Scan> {
  const [frames, work] = await Promise.all([options.states.fresh(STREAM.frames), options.states.fresh(STREAM.work)]);
  const messages = (frames?.messages ?? 0) + (work?.messages ?? 0);
  const bytes = (frames?.bytes ?? 0) + (work?.bytes ?? 0);
  if (messages > options.maxMessages || bytes > MAX_BYTES) return estimate(options);

  const holdings = new Holdings();
  const reader = new BoundedReader(options, holdings);
  const behind = await reader.read(STREAM.frames, 1);
  await reader.read(STREAM.work, 1);
  await reader.read(STREAM.frames, behind);
  if (reader.overran) return estimate(options);
  return { holdings, exact: holdings.unknownVersion === 0, tasks: holdings.size };
}

/** Reads whole streams as long as the bound of the scan lasts: they may grow faster than they are read. */
class BoundedReader {
  readonly #options: ScanOptions;
  readonly #holdings: Holdings;
  #left: number;
  overran = false;

  constructor(options: ScanOptions, holdings: Holdings) {
    this.#options = options;
    this.#holdings = holdings;
    // Twice, so that a scan at the bound is not an estimate for a few messages that come meanwhile.
    this.#left = 2 * options.maxMessages;
  }

  /** Answers the sequence behind the last message that was there. */
  async read(stream: StreamName, from: number): Promise<number> {
    let next = from;
    for (;;) {
      const { messages, atEnd } = await readBatch(this.#options.nc, { stream, from: next, maxMessages: READ_AT_ONCE });
      for (const { data } of messages) this.#holdings.add(data);
      next = (messages.at(-1)?.sequence ?? next - 1) + 1;
      this.#left -= messages.length;
      if (atEnd || messages.length === 0) return next;
      if (this.#left <= 0) {
        this.overran = true;
        return next;
      }
    }
  }
}

async function estimate({ nc, states, maxMessages }: ScanOptions): Promise<Scan> {
  const holdings = new Holdings();
  let tasks = 0;
  for (const stream of [STREAM.frames, STREAM.work]) {
    const subjects = await states.subjects(stream);
    // Half of the bound for each stream, shared among its subjects.
    const sampleSize = Math.max(LEAST_SAMPLE, Math.floor(maxMessages / 2 / Math.max(1, subjects.size)));
    for (const [subject, count] of subjects) {
      const sample = await readBatch(nc, { stream, from: 1, maxMessages: Math.min(count, sampleSize), subject });
      tasks += count * meanFrames(holdings, sample.messages);
    }
  }
  return { holdings, exact: false, tasks: Math.round(tasks) };
}

function meanFrames(holdings: Holdings, sample: readonly StoredMessage[]): number {
  let frames = 0;
  for (const { data } of sample) frames += holdings.add(data);
  return sample.length === 0 ? 0 : frames / sample.length;
}
