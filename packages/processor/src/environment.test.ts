import { expect, test } from 'vitest';
import { resolveEnvironment } from './environment.ts';
import { resolveOptions } from './options.ts';

const options = resolveOptions({ name: 'motion', capabilities: ['motion'], concurrency: 4, handle: () => undefined });

test('without variables the options stand, and the instance gets a name of its own', () => {
  const settings = resolveEnvironment(options, { FRAME_BUFFER_CONCURRENCY: ' ' });
  expect(settings).toMatchObject({ natsUrl: 'nats://127.0.0.1:4222', concurrency: 4, drainMs: 30_000 });
  expect(settings.instance).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
  expect(resolveEnvironment(options, {}).instance).not.toBe(settings.instance);
});

test('the environment has the last word', () => {
  const env = {
    FRAME_BUFFER_NATS_URL: 'nats://one:4222, tls://two:4222',
    FRAME_BUFFER_INSTANCE: 'motion-7',
    FRAME_BUFFER_CONCURRENCY: '8',
    FRAME_BUFFER_SHUTDOWN_MS: '5000',
  };
  expect(resolveEnvironment(options, env)).toMatchObject({
    natsUrl: 'nats://one:4222, tls://two:4222',
    instance: 'motion-7',
    concurrency: 8,
    drainMs: 5_000,
  });
});

test('every fault is named by its variable, and no address is shown', () => {
  const env = {
    FRAME_BUFFER_NATS_URL: 'http://user:secret@host',
    FRAME_BUFFER_INSTANCE: 'a.b',
    FRAME_BUFFER_CONCURRENCY: 'many',
    FRAME_BUFFER_LOG_LEVEL: 'loud',
    FRAME_BUFFER_SHUTDOWN_MS: '1',
  };
  expect(() => resolveEnvironment(options, env)).toThrow(
    expect.objectContaining({ code: 'invalid_environment', message: expect.not.stringContaining('secret') }),
  );
  for (const variable of Object.keys(env))
    expect(() => resolveEnvironment(options, env)).toThrow(`${variable} is not allowed`);
});
