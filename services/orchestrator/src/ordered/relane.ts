/**
 * Frames that lie in a lane of another order: their capability has become ordered, or is no longer, or its partitions are others
 * now. They go to the end of the lane that is theirs, where the ones captured later may be already: those that come late by
 * that are settled as such by whoever works the partition.
 */
import {
  type AnyLane,
  type BatchView,
  bandOf,
  partitionLane,
  partitionOf,
  sliceBatch,
  subject,
} from '@frame-buffer/protocol';
import type { Range } from '../dispatch/task-ranges.ts';

export interface RelaneOrigin {
  readonly incarnation: string;
  /** Of the message in FRAMES. */
  readonly sequence: number;
  /** Milliseconds since the broker stamped it. */
  readonly waitedMs: number;
}

export interface Relaned {
  readonly range: Range;
  readonly message: { readonly subject: string; readonly payload: Buffer; readonly msgId: string };
}

/** The first frames of the range that share a lane. `partitions` is 0 when the capability is not ordered. */
export function relane(batch: BatchView, range: Range, partitions: number, origin: RelaneOrigin): Relaned {
  const lane = laneOf(batch, range.from, partitions);
  let to = range.from + 1;
  while (to < range.to && laneOf(batch, to, partitions) === lane) to += 1;
  const payload = sliceBatch(batch, range.from, to, {
    capability: batch.capability,
    elapsedMs: batch.elapsedMs + origin.waitedMs,
    generation: batch.generation,
  });
  const msgId = `${origin.incarnation}.${origin.sequence}.lane.${range.from}-${to}`;
  return {
    range: { from: range.from, to },
    message: { subject: subject.frames(batch.capability, lane), payload, msgId },
  };
}

function laneOf(batch: BatchView, i: number, partitions: number): AnyLane {
  return partitions > 0 ? partitionLane(partitionOf(batch.cameraOf(i).camera, partitions)) : bandOf(batch.priority(i));
}
