/** From a camera's description to the source that reads it. */
import { FfmpegSource } from './ffmpeg/ffmpeg-source.ts';
import { PushSource } from './push-source.ts';
import type { CameraSource, Source } from './source.ts';
import { TestPatternSource } from './test-pattern/test-pattern-source.ts';

export interface OpenSourceOptions {
  /** The camera's name: the test pattern shows it. */
  readonly camera: string;
  readonly source: CameraSource;
  /** From 1: how often it has been tried in a row. */
  readonly attempt: number;
  /** The ffmpeg to use and no other: a path, or a name on PATH. Default: PATH, then the npm package. */
  readonly ffmpeg?: string;
}

/** Makes the source; nothing happens before its `start`, and nothing fails here. */
export function openSource({ camera, source, attempt, ffmpeg }: OpenSourceOptions): Source {
  switch (source.type) {
    case 'test-pattern':
      return new TestPatternSource({ camera, width: source.width, height: source.height, fps: source.fps });
    case 'push':
      return new PushSource();
    case 'rtsp':
    case 'http':
    case 'file':
      return new FfmpegSource({ input: source, attempt, ...(ffmpeg === undefined ? {} : { binary: ffmpeg }) });
  }
}
