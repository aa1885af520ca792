/** The broker's answer to a publish, sorted into what a caller can do about it. */
import type { Msg } from '@nats-io/nats-core';

export type PubAck =
  | { readonly kind: 'stored'; readonly sequence: number; readonly duplicate: boolean }
  /** Final: the same message will be refused again, or until somebody makes room. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly detail: string }
  /** No stream, no leader, no quorum, no resources, a full disk: worth another try. */
  | { readonly kind: 'unavailable'; readonly detail: string };

export type RefusalReason = 'queue_full' | 'stream_full' | 'too_large' | 'wrong_sequence' | 'refused';

interface Answer {
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description: string };
}

/** Storing failed. The server's code is one for bounds and disks alike; only the description tells them apart. */
const STORE_FAILED = 10077;
/** Above the stream's own max_msg_size. */
const MESSAGE_TOO_LARGE = 10054;
/** An expected last sequence was another one. */
const WRONG_LAST_SEQUENCE = 10071;
/** As above, while a cluster has yet to agree on a message with the same expectation: asked again, it will know. */
const WRONG_LAST_SEQUENCE_UNKNOWN = 10164;
/** A cluster has yet to agree on the first copy of this message: asked again, it will know. */
const DUPLICATE_IN_PROCESS = 10158;
const NO_RESPONDERS = 503;

export function readPubAck(answer: Msg): PubAck {
  if (answer.data.length === 0 && answer.headers?.code === NO_RESPONDERS)
    return { kind: 'unavailable', detail: 'no stream answers' };
  const parsed = parse(answer.data);
  if (parsed?.error !== undefined) return readError(parsed.error);
  if (typeof parsed?.stream !== 'string' || typeof parsed.seq !== 'number')
    return { kind: 'refused', reason: 'refused', detail: 'somebody answers on this subject who is not JetStream' };
  return { kind: 'stored', sequence: parsed.seq, duplicate: parsed.duplicate === true };
}

function readError({ code, err_code: errorCode, description }: NonNullable<Answer['error']>): PubAck {
  const detail = `${description} (${errorCode ?? code})`;
  if (errorCode === STORE_FAILED) {
    if (description.includes('per subject')) return { kind: 'refused', reason: 'queue_full', detail };
    if (/maximum (messages|bytes) exceeded/.test(description))
      return { kind: 'refused', reason: 'stream_full', detail };
  }
  if (errorCode === MESSAGE_TOO_LARGE) return { kind: 'refused', reason: 'too_large', detail };
  if (errorCode === WRONG_LAST_SEQUENCE) return { kind: 'refused', reason: 'wrong_sequence', detail };
  // As in HTTP: from 500 on it is the broker's trouble, below it is the message's.
  return code >= 500 || errorCode === DUPLICATE_IN_PROCESS || errorCode === WRONG_LAST_SEQUENCE_UNKNOWN
    ? { kind: 'unavailable', detail }
    : { kind: 'refused', reason: 'refused', detail };
}

function parse(data: Uint8Array): Answer | undefined {
  try {
    return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString()) as Answer;
  } catch {
    return undefined;
  }
}
