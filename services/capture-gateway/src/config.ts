import { commonSettings, defineConfig, integer, setting } from '@frame-buffer/service';
import { z } from 'zod';

const MiB = 1024 * 1024;

export const definition = defineConfig({
  service: 'capture-gateway',
  summary: 'Owns cameras; takes their pictures, and publishes pixels and frames.',
  settings: {
    ...commonSettings({ port: 8081 }),
    bufferFrames: setting('FRAME_BUFFER_GATEWAY_BUFFER_FRAMES', integer(1, 1_000_000).default(10_000), {
      description: 'Frames held in memory while the broker is slow or away; beyond it the oldest are shed.',
      unit: 'frames',
    }),
    bufferBytes: setting('FRAME_BUFFER_GATEWAY_BUFFER_BYTES', integer(MiB, 64 * 1024 * MiB).default(256 * MiB), {
      description: 'Bytes of pictures held in memory while the broker is slow or away; beyond it the oldest are shed.',
      unit: 'bytes',
    }),
    maxPushBytes: setting('FRAME_BUFFER_MAX_PUSH_BYTES', integer(1024, 64 * MiB).default(8 * MiB - 64 * 1024), {
      description: 'The largest picture that may be pushed by HTTP.',
      unit: 'bytes',
    }),
    ffmpeg: setting('FRAME_BUFFER_FFMPEG', z.string().max(4096).optional(), {
      description: 'The ffmpeg to use; by default the one on PATH, else the one from npm.',
    }),
  },
});
