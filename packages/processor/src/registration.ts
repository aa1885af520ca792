/**
 * Registration: tells the registry what this processor is, which makes its queue.
 *
 *   R1  A registry that is not there, or in trouble, is asked again for ever, with growing pauses.
 *   R2  A registry that says no is final.
 *   R3  To register again is harmless: the same record makes the same queue.
 */
import { endpoint, FrameBufferError, type ProcessorInput } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { pause } from './pause.ts';
import { RareLog } from './rare-log.ts';

const ANSWER_MS = 5_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** Source: NATS micro services (ADR-32). */
const ERROR_CODE = 'Nats-Service-Error-Code';
const ERROR_TEXT = 'Nats-Service-Error';
/** Of the 4xx answers, those that say "later". */
const LATER = new Set([408, 425, 429]);

export interface RegistrationOptions {
  readonly nc: NatsConnection;
  readonly record: ProcessorInput;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Rejects with `registration_rejected` (R2), or `stopped` when the signal is aborted first. */
export async function register({ nc, record, signal, log }: RegistrationOptions): Promise<Registered> {
  const waiting = new RareLog(log, 'warn', 'registry.waiting');
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const answer = await ask(nc, record);
    if (answer.kind === 'accepted') return { partitions: answer.partitions };
    if (answer.kind === 'rejected')
      throw new FrameBufferError(
        'registration_rejected',
        `the registry refuses processor "${record.name}": ${answer.detail}`,
      );
    waiting.write({ processor: record.name, detail: answer.detail });
    await pause(pauseMs * (0.75 + Math.random() / 2), signal);
  }
  throw new FrameBufferError('stopped', 'stopped before it was registered');
}

export interface Registered {
  /** Of an ordered processor; 0 when its instances share one queue. */
  readonly partitions: number;
}

type Answer =
  | { readonly kind: 'accepted'; readonly partitions: number }
  | { readonly kind: 'rejected' | 'later'; readonly detail: string };

async function ask(nc: NatsConnection, record: ProcessorInput): Promise<Answer> {
  try {
    return read(await nc.request(endpoint.registerProcessor, JSON.stringify(record), { timeout: ANSWER_MS }));
  } catch (error) {
    // Nobody listens, no answer in time, connection lost: all of it may pass.
    return { kind: 'later', detail: error instanceof Error ? error.message : String(error) };
  }
}

function read(message: Msg): Answer {
  const { headers } = message;
  const code = Number(headers?.get(ERROR_CODE) ?? '');
  if (!(code >= 400)) return { kind: 'accepted', partitions: partitionsIn(message) };
  const detail = `${headers?.get(ERROR_TEXT) ?? ''} (${code})`.trimStart();
  return { kind: code < 500 && !LATER.has(code) ? 'rejected' : 'later', detail };
}

/** A registry of an earlier version says nothing of it. */
function partitionsIn(message: Msg): number {
  try {
    const { partitions } = message.json<{ partitions?: unknown }>();
    return typeof partitions === 'number' ? partitions : 0;
  } catch {
    return 0;
  }
}
