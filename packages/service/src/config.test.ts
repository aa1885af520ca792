import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { type ConfigOf, defineConfig, formatFaults, loadConfig, publicConfig, setting } from './config.ts';
import { describeConfig, helpText } from './config-reference.ts';
import { commonSettings, flag, instanceName, integer } from './settings.ts';

const definition = defineConfig({
  service: 'sample',
  summary: 'Does nothing, well.',
  settings: {
    ...commonSettings({ port: 7000 }),
    low: setting('FRAME_BUFFER_LOW', integer(1, 100).default(30), {
      description: 'Where filling ends.',
      unit: 'frames',
    }),
    high: setting('FRAME_BUFFER_HIGH', integer(1, 100).default(80), {
      description: 'Where shedding begins.',
      unit: 'frames',
    }),
    strict: setting('FRAME_BUFFER_STRICT', flag(false), { description: 'Refuses what is doubtful.' }),
    token: setting('FRAME_BUFFER_TOKEN', z.string().min(8).optional(), {
      description: 'Opens the door.',
      secret: true,
    }),
  },
  rules: [
    {
      between: ['low', 'high'],
      requirement: 'FRAME_BUFFER_LOW must be below FRAME_BUFFER_HIGH',
      holds: ({ low, high }) => low < high,
    },
  ],
});

type SampleConfig = ConfigOf<typeof definition>;

function faultsOf(env: Record<string, string>) {
  const result = loadConfig(definition, env);
  if (result.ok) throw new Error('this configuration should have been refused');
  return result.faults;
}

describe('C1 values come from the environment', () => {
  test('defaults where nothing is set, blank counts as unset', () => {
    const result = loadConfig(definition, { FRAME_BUFFER_PORT: ' ', FRAME_BUFFER_NATS_URL: '' });
    expect(result).toMatchObject({
      ok: true,
      warnings: [],
      config: {
        natsUrl: 'nats://127.0.0.1:4222',
        host: '127.0.0.1',
        port: 7000,
        logLevel: 'info',
        shutdownMs: 10_000,
        strict: false,
        instance: expect.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/),
      },
    });
  });

  test('values are typed', () => {
    const result = loadConfig(definition, {
      FRAME_BUFFER_NATS_URL: 'nats://one:4222, tls://two:4222',
      FRAME_BUFFER_PORT: '0',
      FRAME_BUFFER_STRICT: 'true',
      FRAME_BUFFER_INSTANCE: 'gw-1',
    });
    expect(result).toMatchObject({
      config: { natsUrl: 'nats://one:4222, tls://two:4222', port: 0, strict: true, instance: 'gw-1' },
    });
    expectTypeOf<SampleConfig['low']>().toEqualTypeOf<number>();
    expectTypeOf<SampleConfig['natsUrl']>().toEqualTypeOf<string>();
    expectTypeOf<SampleConfig['token']>().toEqualTypeOf<string | undefined>();
  });

  test('two settings on one variable are a fault of the program', () => {
    const one = setting('FRAME_BUFFER_A', z.string(), { description: 'A.' });
    expect(() => defineConfig({ service: 's', summary: '', settings: { a: one, b: one } })).toThrow('FRAME_BUFFER_A');
  });
});

describe('C2 all faults at once, by variable, given and allowed', () => {
  test('five faults are five lines', () => {
    const faults = faultsOf({
      FRAME_BUFFER_PORT: '70000',
      FRAME_BUFFER_LOG_LEVEL: 'loud',
      FRAME_BUFFER_INSTANCE: 'No Spaces.Please',
      FRAME_BUFFER_NATS_URL: 'http://broker',
      FRAME_BUFFER_STRICT: 'perhaps',
    });
    expect(faults).toEqual([
      {
        variable: 'FRAME_BUFFER_NATS_URL',
        given: '"http://broker"',
        allowed: expect.stringContaining('nats://host:port'),
      },
      { variable: 'FRAME_BUFFER_PORT', given: '"70000"', allowed: 'allowed is a whole number from 0 to 65535' },
      { variable: 'FRAME_BUFFER_INSTANCE', given: '"No Spaces.Please"', allowed: expect.stringContaining('a-z, 0-9') },
      { variable: 'FRAME_BUFFER_LOG_LEVEL', given: '"loud"', allowed: expect.stringContaining('warn | info | debug') },
      { variable: 'FRAME_BUFFER_STRICT', given: '"perhaps"', allowed: 'allowed is true | false' },
    ]);
    const text = formatFaults('sample', faults);
    expect(text.split('\n')).toHaveLength(6);
    expect(text).toContain('FRAME_BUFFER_PORT is "70000": allowed is a whole number from 0 to 65535');
  });

  test('what is required and missing is said to be not set', () => {
    const required = defineConfig({
      service: 's',
      summary: '',
      settings: { a: setting('FRAME_BUFFER_A', integer(1, 2), { description: 'A.', unit: 'frames' }) },
    });
    const result = loadConfig(required, {});
    expect(result.ok ? '' : formatFaults('s', result.faults)).toBe(
      's: the configuration has a fault\n  FRAME_BUFFER_A is not set: allowed is a whole number of frames from 1 to 2',
    );
  });

  test('a rule between settings names them all, defaults included', () => {
    expect(faultsOf({ FRAME_BUFFER_LOW: '90' })).toEqual([
      {
        variable: 'FRAME_BUFFER_LOW, FRAME_BUFFER_HIGH',
        given: '"90", 80 (default)',
        allowed: 'FRAME_BUFFER_LOW must be below FRAME_BUFFER_HIGH',
      },
    ]);
  });
});

describe('C3 secrets are never shown', () => {
  test('in faults', () => {
    const faults = faultsOf({ FRAME_BUFFER_TOKEN: 's3cret', FRAME_BUFFER_NATS_URL: 'http://u:s3cret@broker' });
    expect(JSON.stringify(faults)).not.toContain('s3cret');
    expect(faults.map(({ given }) => given)).toEqual(['"http://***@broker"', '***']);
  });

  test('in what may be logged', () => {
    const result = loadConfig(definition, { FRAME_BUFFER_TOKEN: 'long-s3cret' });
    if (!result.ok) throw new Error(formatFaults('sample', result.faults));
    expect(result.config.token).toBe('long-s3cret');
    expect(publicConfig(definition, result.config)).toMatchObject({ token: '***', low: 30 });
  });
});

test('C4 a variable with our prefix that nobody reads is a warning', () => {
  const { warnings } = loadConfig(definition, {
    FRAME_BUFFER_PROT: '1',
    FRAME_BUFFER_MOON_PHASE: 'full',
    PATH: '/bin',
  });
  expect(warnings).toEqual([
    { variable: 'FRAME_BUFFER_MOON_PHASE' },
    { variable: 'FRAME_BUFFER_PROT', suggestion: 'FRAME_BUFFER_PORT' },
  ]);
});

describe('the reference comes from the definition', () => {
  test('rows', () => {
    const rows = describeConfig(definition);
    expect(rows.map(({ variable }) => variable)).toContain('FRAME_BUFFER_SHUTDOWN_MS');
    expect(rows.find(({ variable }) => variable === 'FRAME_BUFFER_LOW')).toEqual({
      variable: 'FRAME_BUFFER_LOW',
      description: 'Where filling ends.',
      allowed: 'a whole number of frames from 1 to 100',
      default: '30',
      unit: 'frames',
      required: false,
      secret: false,
    });
    expect(rows.find(({ variable }) => variable === 'FRAME_BUFFER_INSTANCE')?.default).toContain('host name');
  });

  test('help', () => {
    const help = helpText(definition, '1.2.3');
    expect(help).toContain('sample 1.2.3\nDoes nothing, well.');
    expect(help).toContain('FRAME_BUFFER_NATS_URL\n');
    expect(help).toContain('default nats://127.0.0.1:4222');
  });
});

test.each(['BUILD-07.example.org', '…', '-x-', 'h'.repeat(200)])('the instance of host %s is a valid token', (host) => {
  expect(instanceName(host, 4_194_304)).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
  expect(instanceName(host, 1)).not.toBe(instanceName(host, 1));
});
