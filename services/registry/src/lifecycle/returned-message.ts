/** A message of a lost processor's queue, as it goes back to the lane that it came from. Pure. */
import {
  type AnyLane,
  type BatchView,
  LANES,
  openBatch,
  parsePartitionLane,
  partitionLane,
  subject,
  withHeader,
} from '@frame-buffer/protocol';

export interface Origin {
  /** `work.<processor>.<lane>` */
  readonly subject: string;
  readonly msgId: string | undefined;
  readonly streamSequence: number;
  readonly stampedAtMs: number;
  /** Milliseconds since the broker stored it. */
  readonly waitedMs: number;
}

export interface ReturnedMessage {
  readonly subject: string;
  readonly payload: Buffer;
  readonly msgId: string;
  /** For the settlements. */
  readonly batch: BatchView;
}

export type Returned =
  | { readonly ok: true; readonly message: ReturnedMessage }
  | { readonly ok: false; readonly reason: 'malformed' | 'unsupported_version'; readonly detail: string };

/**
 * Nobody's any more (no dispatcher), older by what it waited, and with an id of its own: the broker would take the former one for
 * a repeat. The id is made of what is stored, its place in the queue above all, so that a return that is begun anew repeats it.
 */
export function returnedMessage(bytes: Uint8Array, origin: Origin): Returned {
  const opened = openBatch(bytes);
  if (!opened.ok) return opened;
  const { batch } = opened;
  const lane = laneOf(origin.subject);
  if (lane === undefined) return { ok: false, reason: 'malformed', detail: `${origin.subject} names no lane` };
  const id = origin.msgId ?? `queued.${origin.stampedAtMs}`;
  return {
    ok: true,
    message: {
      subject: subject.frames(batch.capability, lane),
      payload: withHeader(batch, {
        capability: batch.capability,
        elapsedMs: batch.elapsedMs + origin.waitedMs,
        generation: batch.generation,
      }),
      msgId: `${id}.r${origin.streamSequence}`,
      batch,
    },
  };
}

/** A band, the retry lane, or the lane of a partition. */
function laneOf(workSubject: string): AnyLane | undefined {
  const token = workSubject.split('.')[2] ?? '';
  const partition = parsePartitionLane(token);
  return partition === undefined ? LANES.find((lane) => lane === token) : partitionLane(partition);
}
