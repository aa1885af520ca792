import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

test('needs - a missing part skips, with what to install on record', async () => {
  vi.stubEnv('PATH', '');
  const { needs, requirePart } = await import('./parts.ts');
  expect(requirePart('ffmpeg')).toBe('no ffmpeg here (apt-get install ffmpeg)');
  expect(needs('ffmpeg', 'setpriv')).toEqual({
    skip: true,
    meta: { skipReason: 'no ffmpeg here (apt-get install ffmpeg); no setpriv here (apt-get install util-linux)' },
  });
});

test('needs - nothing needed, nothing skipped', async () => {
  const { needs } = await import('./parts.ts');
  expect(needs()).toEqual({ skip: false, meta: {} });
});
