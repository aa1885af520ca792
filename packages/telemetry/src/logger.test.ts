import { describe, expect, test } from 'vitest';
import { createLogger, type LoggerOptions, silentLogger } from './logger.ts';

function recorded(options: Partial<LoggerOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  return { lines, log: createLogger({ service: 'capture-gateway', instance: 'gw-1', write, ...options }) };
}

describe('L1 every line names time, place and event', () => {
  test('the event comes first, then its fields', () => {
    const { log, lines } = recorded();
    log.info('camera.opened', { camera: 'cam1', waited_ms: 12 });
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        service: 'capture-gateway',
        instance: 'gw-1',
        event: 'camera.opened',
        camera: 'cam1',
        waited_ms: 12,
      },
    ]);
  });

  test('a child adds its fields, a line may narrow them', () => {
    const { log, lines } = recorded();
    log.child({ camera: 'cam1', attempt: 1 }).warn('camera.stalled', { attempt: 2 });
    expect(lines[0]).toMatchObject({ level: 'warn', event: 'camera.stalled', camera: 'cam1', attempt: 2 });
  });
});

test('L2 a field cannot overwrite what every line has', () => {
  const lines: string[] = [];
  createLogger({ service: 's', write: (line) => lines.push(line) }).info('a.b', {
    event: 'x',
    service: 'y',
    level: 1,
    time: 2,
  });
  expect(lines[0]).toContain('"event":"a.b"');
  expect(lines[0]?.match(/"service":/g)).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    service: 's',
    field_service: 'y',
    field_event: 'x',
    field_level: 1,
  });
});

describe('L3 nothing secret gets out', () => {
  test('URLs are redacted at any depth, in errors and in their causes', () => {
    const { log, lines } = recorded();
    const cause = Object.assign(new Error('open rtsp://u:s3cret@cam/1 failed'), {
      code: 'ECONNREFUSED',
      address: 'rtsp://u:s3cret@cam/1',
    });
    const error = Object.assign(new Error('camera lost: rtsp://u:s3cret@cam/1', { cause }), {
      code: 'camera_unreachable',
    });
    log.error('camera.failed', { error, camera: { url: ['rtsp://u:s3cret@cam/1'] }, password: 's3cret' });
    expect(JSON.stringify(lines)).not.toContain('s3cret');
    expect(lines[0]).toMatchObject({
      error: {
        type: 'Error',
        message: 'camera lost: rtsp://***@cam/1',
        code: 'camera_unreachable',
        stack: expect.stringContaining('logger.test.ts'),
        cause: { code: 'ECONNREFUSED', address: 'rtsp://***@cam/1' },
      },
      password: '***',
    });
  });

  test('bytes are counted, not printed', () => {
    const { log, lines } = recorded();
    log.info('frame.taken', { pixels: Buffer.alloc(640), view: new Uint16Array(2) });
    expect(lines[0]).toMatchObject({ pixels: '[640 bytes]', view: '[4 bytes]' });
  });

  test('odd values never make logging throw', () => {
    const { log, lines } = recorded();
    const loop: Record<string, unknown> = {
      big: 7n,
      nan: Number.NaN,
      when: new Date(Number.NaN),
      map: new Map([[1, 'a']]),
    };
    loop['self'] = loop;
    Object.defineProperty(loop, 'broken', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    });
    log.info('odd.seen', { loop, many: Array.from({ length: 60 }, (_, index) => index), long: 'x'.repeat(10_000) });
    expect(lines[0]).toMatchObject({
      loop: {
        big: '7',
        nan: 'NaN',
        when: '[invalid date]',
        map: { 1: 'a' },
        self: '[circular]',
        broken: '[unreadable]',
      },
    });
    const { many, long } = lines[0] as { many: unknown[]; long: string };
    expect(many.at(-1)).toBe('[10 more]');
    expect(long.length).toBeLessThan(8_300);
  });
});

test('L4 below the level nothing is written and no field is read', () => {
  const { log, lines } = recorded({ level: 'warn' });
  const fields = {
    get costly(): string {
      throw new Error('was read');
    },
  };
  log.info('camera.opened', fields);
  silentLogger.child({ a: 1 }).fatal('service.failed', { b: 2 });
  expect(lines).toEqual([]);
});
