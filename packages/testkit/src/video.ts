/**
 * H.264 videos that say where something moves. Guarantees: a white block crosses a still picture between `motionFrom`
 * and `motionTo` and rests before and after; a key frame every second; no B-frames. Needs ffmpeg with libx264
 * (`needs('libx264')`).
 */

import { spawnChild } from '@frame-buffer/subprocess';

export interface MakeVideoOptions {
  /** Of the .mp4 file, which is overwritten. */
  readonly path: string;
  /** Pixels, even numbers. Default 320 × 240. */
  readonly width?: number;
  readonly height?: number;
  /** Frames per second. Default 10. */
  readonly fps?: number;
  /** Default 4. */
  readonly seconds?: number;
  /** Seconds from the start; equal: no motion at all. Default 0 and 0. */
  readonly motionFrom?: number;
  readonly motionTo?: number;
}

/** The block crosses the picture once in this time, then starts anew. */
const CROSSING_SECONDS = 2;

export async function makeVideo(options: MakeVideoOptions): Promise<void> {
  const { width = 320, height = 240, fps = 10, seconds = 4, motionFrom = 0, motionTo = motionFrom } = options;
  const block = Math.round(Math.min(width, height) / 4);
  // Seconds in motion so far: zero before, constant after.
  const moved = `(clip(t,${motionFrom},${motionTo})-${motionFrom})`;
  const x = `mod(${moved}*${(width - block) / CROSSING_SECONDS},${width - block})`;
  const source = (picture: string) => ['-f', 'lavfi', '-i', `${picture}:r=${fps}:d=${seconds}`];
  const child = spawnChild({
    command: 'ffmpeg',
    args: [
      ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error', '-y'],
      ...source(`smptebars=s=${width}x${height}`),
      ...source(`color=c=white:s=${block}x${block}`),
      ...['-filter_complex', `[0][1]overlay=x='${x}':y=${Math.round((height - block) / 2)}`],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', String(fps), '-pix_fmt', 'yuv420p'],
      options.path,
    ],
  });
  const exit = await child.exited;
  if (exit.code !== 0) throw new Error(`ffmpeg could not make ${options.path}: ${child.stderrTail()}`);
}
