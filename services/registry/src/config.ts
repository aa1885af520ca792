/** The registry's settings. Sizes are those of the streams as this registry wants them; what exists is never changed. */
import { DEFAULT_STREAM_SIZES } from '@frame-buffer/protocol';
import { type ConfigOf, commonSettings, defineConfig, integer, setting } from '@frame-buffer/service';
import { z } from 'zod';

export const VERSION = '0.1.0';

const MiB = 1024 * 1024;
const TiB = MiB * MiB;
const WEEK_MS = 7 * 24 * 3_600_000;

export const definition = defineConfig({
  service: 'registry',
  summary: 'Provisions streams, lanes and consumers; registers processors and keeps policies.',
  settings: {
    ...commonSettings({ port: 8083 }),
    pixelsMaxBytes: setting(
      'FRAME_BUFFER_PIXELS_MAX_BYTES',
      integer(16 * MiB, TiB).default(DEFAULT_STREAM_SIZES.pixelsMaxBytes),
      {
        description: 'What the pictures may take on disk before the oldest go; used when the stream is made.',
        unit: 'bytes',
      },
    ),
    pixelsMaxAgeMs: setting(
      'FRAME_BUFFER_PIXELS_MAX_AGE_MS',
      integer(10_000, WEEK_MS).default(DEFAULT_STREAM_SIZES.pixelsMaxAgeMs),
      { description: 'How long a picture is kept; used when the stream is made.', unit: 'ms' },
    ),
    replicas: setting(
      'FRAME_BUFFER_REPLICAS',
      z.coerce
        .number()
        .refine((count) => count === 1 || count === 3 || count === 5)
        .default(1)
        .meta({ allowed: '1 | 3 | 5, at most the number of brokers in the cluster' }),
      { description: 'Copies that the brokers keep of each stream, bucket and consumer that is made.' },
    ),
  },
});

export type RegistryConfig = ConfigOf<typeof definition>;
