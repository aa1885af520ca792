/**
 * Motion, camera by camera: each picture is compared with the newest *older* one that was seen.
 *
 *   M1  Older is by sequence within one epoch, not by arrival: frames may come out of order.
 *   M2  A few pictures are kept per camera, so that a late frame still finds an older one.
 *   M3  Memory is bounded: 8 thumbnails a camera, 256 cameras, 30 MB; the camera that was silent longest is forgotten first.
 */
import { type Difference, difference } from './difference.ts';
import type { Thumbnail } from './thumbnail.ts';

const PICTURES_PER_CAMERA = 8;
const MAX_CAMERAS = 256;

export interface SeenFrame {
  readonly camera: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly width: number;
  readonly height: number;
}

export interface Motion extends Difference {
  /** The sequence it was compared with; absent when nothing older was known, which is no motion. */
  readonly comparedWith?: number;
}

interface Memory {
  epoch: number;
  /** Ascending by sequence. */
  pictures: { readonly sequence: number; readonly thumbnail: Thumbnail }[];
}

export class MotionDetector {
  readonly #cameras = new Map<string, Memory>();

  /** Cameras remembered. */
  get cameras(): number {
    return this.#cameras.size;
  }

  see(frame: SeenFrame, thumbnail: Thumbnail): Motion {
    const memory = this.#memoryOf(frame.camera, frame.epoch);
    // A straggler of an epoch that has ended: nothing to compare with, nothing worth keeping.
    if (frame.epoch < memory.epoch) return { motion: false, score: 0 };
    const older = memory.pictures.findLast(({ sequence }) => sequence < frame.sequence);
    remember(memory, frame.sequence, thumbnail);
    if (older === undefined) return { motion: false, score: 0 };
    return { ...difference(older.thumbnail, thumbnail, frame), comparedWith: older.sequence };
  }

  #memoryOf(camera: string, epoch: number): Memory {
    const known = this.#cameras.get(camera);
    const memory = known === undefined || known.epoch < epoch ? { epoch, pictures: [] } : known;
    // Put anew: the map's order is that of the last visit.
    this.#cameras.delete(camera);
    this.#cameras.set(camera, memory);
    if (this.#cameras.size > MAX_CAMERAS) {
      const [longestSilent] = this.#cameras.keys();
      if (longestSilent !== undefined) this.#cameras.delete(longestSilent);
    }
    return memory;
  }
}

function remember(memory: Memory, sequence: number, thumbnail: Thumbnail): void {
  const place = memory.pictures.findLastIndex((picture) => picture.sequence <= sequence) + 1;
  // A frame that is worked again is already here.
  if (memory.pictures[place - 1]?.sequence === sequence) return;
  memory.pictures.splice(place, 0, { sequence, thumbnail });
  if (memory.pictures.length > PICTURES_PER_CAMERA) memory.pictures.shift();
}
