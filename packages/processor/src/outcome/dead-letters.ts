/**
 * Dead letters: the picture (or, for what could not be read, the bytes as they came) as the payload; header `Fb-Error` holds
 * the record (`deadLetterSchema`) as JSON, `Fb-Frame` the frame's id, and the picture's shape has its own headers.
 */
import { type DeadLetter, HEADER, subject } from '@frame-buffer/protocol';
import type { FrameInHand } from '../frame.ts';
import type { MessageInHand } from '../intake/message.ts';
import type { Store, Stored } from './store.ts';

export type DeadReason = 'handler_failed' | 'timed_out' | 'pixels_evicted' | 'undecodable';

const MAX_TEXT = 500;
const NOTHING = new Uint8Array();

export interface Identity {
  readonly name: string;
  readonly instance: string;
}

export class DeadLetters {
  readonly #store: Store;
  readonly #identity: Identity;

  constructor(store: Store, identity: Identity) {
    this.#store = store;
    this.#identity = identity;
  }

  /** With its picture, where that can be had and fits. */
  async ofFrame(frame: FrameInHand, reason: DeadReason, error: unknown): Promise<Stored> {
    const picture = await pictureOf(frame);
    const { message, batch } = frame.task;
    const record = this.#record(message, reason, error, {
      frame: frame.id,
      capability: frame.capability,
      attempts: frame.attempt + 1,
    });
    return this.#put(reason, this.#store.fits(picture.length) ? picture : NOTHING, {
      msgId: `${frame.id}.${frame.capability}.${this.#identity.name}.${frame.attempt}.${batch.generation}`,
      headers: {
        ...headersOf(record),
        [HEADER.width]: String(frame.width),
        [HEADER.height]: String(frame.height),
        [HEADER.encoding]: frame.encoding,
        [HEADER.capturedAt]: frame.capturedAt.toISOString(),
      },
    });
  }

  /** A frame whose record is damaged: what is known of it stands in the index of its batch. */
  ofDamagedFrame(
    message: MessageInHand,
    known: { frame: string; capability: string; attempts: number },
    bytes: Uint8Array,
    error: unknown,
  ): Promise<Stored> {
    const record = this.#record(message, 'undecodable', error, known);
    return this.#put('undecodable', bytes, {
      msgId: `${known.frame}.${known.capability}.${this.#identity.name}.${known.attempts - 1}.undecodable`,
      headers: headersOf(record),
    });
  }

  /** A message that is no batch. */
  ofMessage(message: MessageInHand, bytes: Uint8Array, detail: string): Promise<Stored> {
    const record = this.#record(message, 'undecodable', new RangeError(detail), { attempts: 0 });
    return this.#put('undecodable', bytes, {
      msgId: `${this.#identity.name}.${message.key}`,
      headers: headersOf(record),
    });
  }

  async #put(
    reason: DeadReason,
    payload: Uint8Array,
    options: { msgId: string; headers: Readonly<Record<string, string>> },
  ): Promise<Stored> {
    const to = subject.dead(this.#identity.name, reason);
    const stored = await this.#store.put(to, payload, options);
    // The broker's bound shrank, or the message came close to it: the record alone always fits.
    return stored === 'too_large' ? this.#store.put(to, NOTHING, options) : stored;
  }

  #record(
    message: MessageInHand,
    reason: DeadReason,
    error: unknown,
    about: { frame?: string; capability?: string; attempts: number },
  ): DeadLetter {
    return {
      ...about,
      processor: this.#identity.name,
      instance: this.#identity.instance,
      reason,
      error: describe(error),
      failedAt: new Date().toISOString(),
      source: message.subject,
    };
  }
}

function headersOf(record: DeadLetter): Record<string, string> {
  return {
    [HEADER.error]: JSON.stringify(record),
    [HEADER.reason]: record.reason,
    ...(record.frame === undefined ? {} : { [HEADER.frame]: record.frame }),
    ...(record.capability === undefined ? {} : { [HEADER.capability]: record.capability }),
  };
}

/** Whatever was thrown, bounded: handlers throw strings and megabytes too. */
export function describe(error: unknown): DeadLetter['error'] {
  if (!(error instanceof Error)) return { name: 'Error', message: cut(text(error)) };
  const code = (error as { code?: unknown }).code;
  return {
    name: cut(text(error.name), 100),
    ...(typeof code === 'string' ? { code: cut(code, 100) } : {}),
    message: cut(text(error.message)),
  };
}

function text(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'something that has no text';
  }
}

function cut(value: string, max = MAX_TEXT): string {
  return value.length > max ? `${value.slice(0, max)}…` : value;
}

/** A failed frame's picture is asked for once more; without it the letter still says what happened. */
async function pictureOf(frame: FrameInHand): Promise<Uint8Array> {
  if (frame.picture === 'evicted') return NOTHING;
  try {
    return await frame.pixels();
  } catch {
    return NOTHING;
  }
}
