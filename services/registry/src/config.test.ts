import { DEFAULT_STREAM_SIZES } from '@frame-buffer/protocol';
import { loadConfig } from '@frame-buffer/service';
import { expect, test } from 'vitest';
import { definition } from './config.ts';

test('the defaults are those of the protocol, on port 8083', () => {
  expect(loadConfig(definition, {})).toMatchObject({
    ok: true,
    config: { ...DEFAULT_STREAM_SIZES, port: 8083, replicas: 1, natsUrl: 'nats://127.0.0.1:4222' },
  });
});

test('sizes and replicas are bounded, and all faults are told at once', () => {
  const loaded = loadConfig(definition, {
    FRAME_BUFFER_PIXELS_MAX_BYTES: '-1',
    FRAME_BUFFER_PIXELS_MAX_AGE_MS: 'long',
    FRAME_BUFFER_REPLICAS: '2',
  });
  expect(loaded.ok ? [] : loaded.faults.map(({ variable }) => variable)).toEqual([
    'FRAME_BUFFER_PIXELS_MAX_BYTES',
    'FRAME_BUFFER_PIXELS_MAX_AGE_MS',
    'FRAME_BUFFER_REPLICAS',
  ]);
});
