/** A broker that answers when the test says so, and books that can be read. */
import type { PublishResult } from '@frame-buffer/jetstream';
import { createMetrics, silentLogger } from '@frame-buffer/telemetry';
import { Books } from './books.ts';
import type { CapturedFrame, Fate } from './captured-frame.ts';

export interface Sent {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly msgId: string | undefined;
  answer(result?: PublishResult): void;
}

export class FakePublisher {
  readonly sent: Sent[] = [];
  #sequence = 0;

  publish(subject: string, payload: Uint8Array, options: { msgId?: string } = {}): Promise<PublishResult> {
    const { promise, resolve } = Promise.withResolvers<PublishResult>();
    const stored: PublishResult = { ok: true, sequence: ++this.#sequence, duplicate: false };
    this.sent.push({ subject, payload, msgId: options.msgId, answer: (result = stored) => resolve(result) });
    return promise;
  }
}

export interface Entered {
  readonly capability: string;
  readonly sequence: number;
  readonly fate: string;
}

export function fakeBooks(): { books: Books; entered: Entered[] } {
  const entered: Entered[] = [];
  const settlements = {
    add: (key: { capability: string; kind: string; reason: string }, sequence: number) => {
      entered.push({
        capability: key.capability,
        sequence,
        fate: key.reason === '' ? key.kind : `${key.kind}/${key.reason}`,
      });
      return Promise.resolve();
    },
    flush: () => Promise.resolve(),
  };
  return { books: new Books(settlements, createMetrics({ service: 'test', processMetrics: false })), entered };
}

export function frameOf(sequence: number, more: Partial<CapturedFrame> = {}): CapturedFrame {
  return {
    camera: 'cam',
    epoch: 1,
    sequence,
    bytes: Buffer.alloc(1000),
    width: 4,
    height: 4,
    encoding: 'jpeg',
    capturedAtMs: 0,
    arrivedAtMs: performance.now(),
    capabilities: ['look'],
    priority: 5,
    ...more,
  };
}

/** Lets promises and the next turn of the event loop run. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

export const log = silentLogger;
export type { Fate };
