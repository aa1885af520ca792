/**
 * Reads a stream by sequence with batched direct gets: no consumer is made, nothing is acknowledged, work queues stay as they are.
 *
 * The whole position of a reader is one number, so there is nothing to rebuild after an outage.
 */
import { inboxPrefix } from '@frame-buffer/jetstream';
import { FrameBufferError } from '@frame-buffer/protocol';
import type { Msg, NatsConnection } from '@nats-io/nats-core';

export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  /** When the broker stored it, milliseconds since 1970. */
  readonly stampMs: number;
  readonly data: Uint8Array;
}

export interface BatchRequest {
  readonly stream: string;
  /** The first message at or after this sequence begins the batch. */
  readonly from: number;
  readonly maxMessages: number;
  /** Default 4 MiB: the broker cuts off a client that falls 64 MB behind. At least one message comes. */
  readonly maxBytes?: number;
  /** Only messages of this subject. */
  readonly subject?: string;
}

export interface Batch {
  readonly messages: readonly StoredMessage[];
  /** Nothing was stored behind the batch when the broker put it together. */
  readonly atEnd: boolean;
}

const MAX_BYTES = 4 * 1024 * 1024;
const SILENCE_MS = 2_000;

const STATUS = { endOfBatch: 204, notFound: 404 } as const;

/** Throws `stream_unavailable` (retryable) when the broker does not answer, refuses, or stops in the middle. */
export function readBatch(nc: NatsConnection, request: BatchRequest): Promise<Batch> {
  const { stream, from, maxMessages, maxBytes = MAX_BYTES, subject } = request;
  const query = {
    seq: Math.max(1, from),
    batch: maxMessages,
    max_bytes: maxBytes,
    ...(subject === undefined ? {} : { next_by_subj: subject }),
  };
  const messages: StoredMessage[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Batch>();
  const fail = (detail: string, cause?: unknown) =>
    reject(
      new FrameBufferError('stream_unavailable', `${stream} cannot be read: ${detail}`, { retryable: true, cause }),
    );
  const silence = setTimeout(() => fail('the broker does not answer'), SILENCE_MS);
  const inbox = `${inboxPrefix(nc)}.${crypto.randomUUID().slice(0, 13)}`;
  const onMessage = (error: Error | null, answer: Msg) => {
    if (error !== null) return fail(error.message, error);
    silence.refresh();
    const code = answer.headers?.code ?? 0;
    if (code === 0) {
      messages.push(toStored(answer));
    } else if (code === STATUS.endOfBatch) {
      resolve({ messages, atEnd: answer.headers?.last('Nats-Num-Pending') === '0' });
    } else if (code === STATUS.notFound) {
      resolve({ messages, atEnd: true });
    } else {
      fail(`direct get answered ${code} ${answer.headers?.description ?? ''}`.trimEnd());
    }
  };
  // A connection that is closed refuses at once.
  try {
    const subscription = nc.subscribe(inbox, { callback: onMessage });
    nc.publish(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), { reply: inbox });
    return promise.finally(() => {
      clearTimeout(silence);
      subscription.unsubscribe();
    });
  } catch (error) {
    clearTimeout(silence);
    fail('the connection is closed', error);
    return promise;
  }
}

function toStored({ headers, data }: Msg): StoredMessage {
  return {
    sequence: Number(headers?.last('Nats-Sequence')),
    subject: headers?.last('Nats-Subject') ?? '',
    stampMs: Date.parse(headers?.last('Nats-Time-Stamp') ?? ''),
    data,
  };
}
