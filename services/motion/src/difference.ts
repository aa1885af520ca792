/**
 * What has changed between two thumbnails. Pure.
 *
 *   D1  A pixel counts when it changed by more than `MIN_CHANGE` and at least `MIN_NEIGHBOURS` of its eight neighbours did too:
 *       single pixels are noise of the sensor or of the compression.
 *   D2  The box holds all that count, and nothing beyond.
 */
import { THUMBNAIL_HEIGHT as HEIGHT, type Thumbnail, THUMBNAIL_WIDTH as WIDTH } from './thumbnail.ts';

/** Of 255. */
const MIN_CHANGE = 25;
const MIN_NEIGHBOURS = 3;
/** Share of the picture that must have changed to be called motion: 29 of 14 400 pixels. */
const MIN_SHARE = 0.002;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Difference {
  readonly motion: boolean;
  /** Share of the picture that has changed, 0 to 1. */
  readonly score: number;
  /** Around everything that has changed, in pixels of the picture; only with motion. */
  readonly box?: Box;
}

/** `picture`: the size that the box refers to. */
export function difference(
  older: Thumbnail,
  newer: Thumbnail,
  picture: { readonly width: number; readonly height: number },
): Difference {
  const changed = new Uint8Array(WIDTH * HEIGHT);
  for (let i = 0; i < changed.length; i++)
    changed[i] = Math.abs((older[i] ?? 0) - (newer[i] ?? 0)) > MIN_CHANGE ? 1 : 0;

  let count = 0;
  let [left, top, right, bottom] = [WIDTH, HEIGHT, -1, -1];
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      if (changed[y * WIDTH + x] !== 1 || changedNeighbours(changed, x, y) < MIN_NEIGHBOURS) continue;
      count += 1;
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x);
      bottom = Math.max(bottom, y);
    }
  }
  const share = count / changed.length;
  const score = Math.round(share * 10_000) / 10_000;
  if (share < MIN_SHARE) return { motion: false, score };
  return { motion: true, score, box: scale({ left, top, right, bottom }, picture) };
}

function changedNeighbours(changed: Uint8Array, x: number, y: number): number {
  let count = 0;
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      const isInside = x + dx >= 0 && x + dx < WIDTH && y + dy >= 0 && y + dy < HEIGHT;
      if (isInside && (dx !== 0 || dy !== 0)) count += changed[(y + dy) * WIDTH + x + dx] ?? 0;
    }
  }
  return count;
}

function scale(
  { left, top, right, bottom }: { left: number; top: number; right: number; bottom: number },
  { width, height }: { readonly width: number; readonly height: number },
): Box {
  const x = Math.floor((left * width) / WIDTH);
  const y = Math.floor((top * height) / HEIGHT);
  return {
    x,
    y,
    width: Math.ceil(((right + 1) * width) / WIDTH) - x,
    height: Math.ceil(((bottom + 1) * height) / HEIGHT) - y,
  };
}
