/** What the settlements say of the last seconds: captured per camera, processed per capability and per processor. */
import type { Settlement } from '@frame-buffer/protocol';
import { RateMeter } from './rates.ts';

export class Activity {
  readonly captured = new RateMeter();
  readonly processed = new RateMeter();
  readonly processedBy = new RateMeter();

  record({ entries }: Settlement, stampMs: number): void {
    for (const { kind, camera, capability, processor, sequences } of entries) {
      // A frame makes one captured task for each of its capabilities; `capturedKey` keeps them apart, see `framesPerSecond`.
      if (kind === 'captured') this.captured.add(capturedKey(camera, capability), sequences.size, stampMs);
      if (kind !== 'processed') continue;
      this.processed.add(capability, sequences.size, stampMs);
      if (processor !== undefined) this.processedBy.add(processor, sequences.size, stampMs);
    }
  }

  /** Captured frames a second per camera: of its capabilities, the one that most frames were captured for. */
  framesPerSecond(nowMs: number): ReadonlyMap<string, number> {
    const frames = new Map<string, number>();
    for (const key of this.captured.names(nowMs)) {
      const camera = key.slice(0, key.indexOf('\n'));
      frames.set(camera, Math.max(frames.get(camera) ?? 0, this.captured.perSecond(key, nowMs)));
    }
    return frames;
  }
}

function capturedKey(camera: string, capability: string): string {
  return `${camera}\n${capability}`;
}
