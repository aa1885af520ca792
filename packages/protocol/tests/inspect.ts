/** What a batch shows of its frames, as plain values to compare. */
import { type BatchItem, type BatchView, sizeClassOf } from '../src/index.ts';

/** All that an orchestrator may look at, for one frame. */
export function seen(batch: BatchView, i: number) {
  return {
    ...batch.cameraOf(i),
    sequence: batch.sequence(i),
    pixelSequence: batch.pixelSequence(i),
    priority: batch.priority(i),
    attempt: batch.attempt(i),
    maxAgeMs: batch.maxAgeMs(i),
    ageMs: batch.ageAtPublishMs(i) - batch.elapsedMs,
  };
}

/** What `seen` must show for an item. */
export function expected({ frame: f, ageMs, attempt }: BatchItem) {
  return {
    camera: f.camera,
    epoch: f.epoch,
    encoding: f.encoding,
    sizeClass: sizeClassOf(f.width, f.height),
    sequence: f.sequence,
    pixelSequence: f.pixelSequence,
    priority: f.priority,
    attempt: attempt ?? 0,
    maxAgeMs: f.maxAgeMs,
    ageMs,
  };
}

export const allSeen = (batch: BatchView) => Array.from({ length: batch.frameCount }, (_, i) => seen(batch, i));
export const frames = (batch: BatchView) => Array.from({ length: batch.frameCount }, (_, i) => batch.frame(i));
export const headerOf = ({ capability, dispatcher, elapsedMs, delayMs, generation }: BatchView) => ({
  capability,
  dispatcher,
  elapsedMs,
  delayMs,
  generation,
});
