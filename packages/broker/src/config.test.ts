import { expect, test } from 'vitest';
import { renderConfig } from './config.ts';

const parse = (text: string): unknown => JSON.parse(text);

test('config - the defaults are written out', () => {
  expect(parse(renderConfig({ storeDir: '/store' }))).toEqual({
    server_name: 'frame-buffer',
    max_payload: 8_388_608,
    jetstream: { store_dir: '/store', max_memory_store: 268_435_456 },
  });
});

test('config - overrides win key by key, and leave their section’s other keys alone', () => {
  const overrides = { jetstream: { sync_interval: 'always' }, ping_interval: '2s', max_payload: 1024 };
  expect(parse(renderConfig({ storeDir: '/store', serverName: 'n1', jetstreamMaxFile: 5, overrides }))).toEqual({
    server_name: 'n1',
    max_payload: 1024,
    ping_interval: '2s',
    jetstream: { store_dir: '/store', max_memory_store: 268_435_456, max_file_store: 5, sync_interval: 'always' },
  });
});
