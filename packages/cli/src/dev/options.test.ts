import { describe, expect, test } from 'vitest';
import { DevError } from './errors.ts';
import { parseDevOptions } from './options.ts';

const parse = (...args: string[]) => parseDevOptions(args, '/site');

describe('parseDevOptions', () => {
  test('without flags', () => {
    expect(parse()).toMatchObject({
      forMs: undefined,
      json: false,
      dataDir: '/site/.frame-buffer',
      portBase: 8080,
      natsUrl: undefined,
      verbose: false,
    });
    expect(parse().cameras.map(({ name }) => name)).toEqual(['cam-1', 'cam-2', 'cam-3']);
  });

  test('with all flags, repeated cameras among them', () => {
    const options = parse(
      ...['--for', '15s', '--json', '--camera', 'a=rtsp://h/1', '--camera=b=rtsp://h/2', '--cameras', '0'],
      ...['--data', '/tmp/x', '--port-base', '0', '--nats-url', 'nats://u:p@h:4222,nats://i:4222', '--verbose'],
    );
    expect(options).toMatchObject({ forMs: 15_000, json: true, dataDir: '/tmp/x', portBase: 0, verbose: true });
    expect(options.cameras.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(options.natsUrl).toBe('nats://u:p@h:4222,nats://i:4222');
  });

  test.each([
    [['--forever'], /Unknown option '--forever'.*--help/],
    [['now'], /Unexpected argument 'now'/],
    [['--for'], /--for/],
    [['--for', '1s', '--for', '2s'], /--for is given 2 times/],
    [['--cameras', '65'], /--cameras "65" is not allowed: use a whole number from 0 to 64/],
    [['--cameras', '1.5'], /--cameras/],
    [['--port-base', '65533'], /--port-base/],
    [['--nats-url', 'http://u:s3cret@h'], /^--nats-url is no address of a nats-server: use nats:\/\/host:4222\.$/],
  ])('refuses %j', (args, message) => {
    const error = errorOf(() => parse(...args));
    expect(error).toBeInstanceOf(DevError);
    expect(error).toMatchObject({ message: expect.stringMatching(message), exitCode: 64 });
  });
});

function errorOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
