/** What goes into a processor's queue: the slice, its deterministic id, and headers for those who read single frames. */
import {
  type AnyLane,
  type BatchView,
  frameId,
  HEADER,
  type Processor,
  sliceBatch,
  subject,
} from '@frame-buffer/protocol';
import type { Range } from './task-ranges.ts';

export interface WorkMessage {
  readonly subject: string;
  readonly payload: Buffer;
  readonly msgId: string;
  readonly headers?: Record<string, string>;
}

export interface Origin {
  /** Tells one life of the FRAMES stream from the next: sequences begin anew when a store is lost. */
  readonly incarnation: string;
  readonly sequence: number;
  readonly lane: AnyLane;
  /** Milliseconds since the broker stamped the FRAMES message. */
  readonly waitedMs: number;
  readonly dispatcher: string;
}

/**
 * Same id means same frames, so `duplicate` is always safe. The target is not in it: if an orchestrator died after its
 * publish, the one that takes over must not send the same frames to somebody else as well.
 */
export function workMessage(batch: BatchView, range: Range, processor: Processor, origin: Origin): WorkMessage {
  const elapsedMs = batch.elapsedMs + origin.waitedMs;
  const payload = sliceBatch(batch, range.from, range.to, {
    capability: batch.capability,
    dispatcher: origin.dispatcher,
    elapsedMs,
    generation: batch.generation,
  });
  const message = {
    subject: subject.work(processor.name, origin.lane),
    payload,
    msgId: `${origin.incarnation}.${origin.sequence}.${range.from}-${range.to}`,
  };
  return processor.maxBatch === 1 ? { ...message, headers: frameHeaders(batch, range.from, origin.waitedMs) } : message;
}

function frameHeaders(batch: BatchView, i: number, waitedMs: number): Record<string, string> {
  const { camera, epoch, encoding } = batch.cameraOf(i);
  const sequence = batch.sequence(i);
  const pixels = batch.pixelSequence(i);
  const maxAgeMs = batch.maxAgeMs(i);
  return {
    [HEADER.frame]: frameId({ camera, epoch, sequence }),
    [HEADER.camera]: camera,
    [HEADER.epoch]: String(epoch),
    [HEADER.sequence]: String(sequence),
    [HEADER.capability]: batch.capability,
    [HEADER.encoding]: encoding,
    [HEADER.priority]: String(batch.priority(i)),
    [HEADER.attempt]: String(batch.attempt(i)),
    ...(pixels > 0 ? { [HEADER.pixels]: String(pixels) } : {}),
    ...(maxAgeMs > 0
      ? { [HEADER.expiresInMs]: String(Math.max(0, Math.round(maxAgeMs - batch.ageAtPublishMs(i) - waitedMs))) }
      : {}),
  };
}
