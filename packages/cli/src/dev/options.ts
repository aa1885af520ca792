/**
 * The flags of `frame-buffer dev`: declared once, for the help and for parsing alike.
 *
 *   O1  All faults that can be seen without starting anything are found here, and name the option.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { ArgsDef } from 'citty';
import { type WantedCamera, wantedCameras } from './camera-option.ts';
import { parseDuration } from './duration.ts';
import { usageError } from './errors.ts';

export const devArguments = {
  for: {
    type: 'string',
    valueHint: '15s|2m',
    description: 'Run for that long once everything is ready, then drain and end',
  },
  json: { type: 'boolean', description: 'Nothing on stdout but the ledger at the end, as one line of JSON' },
  camera: {
    type: 'string',
    valueHint: '[name=]URL',
    description: 'One more camera: rtsp://, http://, file:/// or test-pattern: (repeatable)',
  },
  cameras: { type: 'string', valueHint: 'N', description: 'Number of test-pattern cameras, 0 to 64 (default 3)' },
  data: { type: 'string', valueHint: 'DIR', description: 'Folder for stored data and logs (default .frame-buffer)' },
  'port-base': {
    type: 'string',
    valueHint: 'N',
    description: 'Ports N to N+3 instead of 8080 to 8083; 0: any free ones',
  },
  'nats-url': {
    type: 'string',
    valueHint: 'URL',
    description: 'Use this running nats-server instead of an embedded one',
  },
  verbose: { type: 'boolean', description: 'Show the log lines of all processes on stderr too' },
} as const satisfies ArgsDef;

export interface DevOptions {
  /** Undefined: until Ctrl-C. */
  readonly forMs: number | undefined;
  readonly json: boolean;
  readonly cameras: readonly WantedCamera[];
  /** Absolute. */
  readonly dataDir: string;
  /** 0: every port is any free one. */
  readonly portBase: number;
  readonly natsUrl: string | undefined;
  readonly verbose: boolean;
}

export const DEFAULT_PORT_BASE = 8080;
/** Beyond this the demo would be a load test. */
const MAX_TEST_CAMERAS = 64;

/** @throws DevError with exit code 64 */
export function parseDevOptions(args: readonly string[], workingFolder: string): DevOptions {
  const values = parse(args);
  const duration = one(values, 'for');
  const natsUrl = one(values, 'nats-url');
  if (natsUrl !== undefined) checkNatsUrl(natsUrl);
  return {
    forMs: duration === undefined ? undefined : parseDuration(duration, '--for'),
    json: values['json'] === true,
    cameras: wantedCameras(integer(one(values, 'cameras'), '--cameras', 3, MAX_TEST_CAMERAS), many(values, 'camera')),
    dataDir: resolve(workingFolder, one(values, 'data') ?? '.frame-buffer'),
    portBase: integer(one(values, 'port-base'), '--port-base', DEFAULT_PORT_BASE, 65_532),
    natsUrl,
    verbose: values['verbose'] === true,
  };
}

type Values = Readonly<Record<string, unknown>>;

/** Strict where citty is lenient: it takes unknown options silently, and of a repeated one only the last. */
function parse(args: readonly string[]): Values {
  const options = Object.fromEntries(
    Object.entries(devArguments).map(([name, { type }]) => [name, { type, multiple: type === 'string' }]),
  );
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const [reason = ''] = String(error instanceof Error ? error.message : error).split('. ');
    throw usageError(`${reason.replace(/\.$/, '')}. See frame-buffer dev --help.`);
  }
}

function many(values: Values, name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value.map(String) : [];
}

function one(values: Values, name: keyof typeof devArguments): string | undefined {
  const given = many(values, name);
  if (given.length > 1) throw usageError(`--${name} is given ${given.length} times; once is enough.`);
  return given[0];
}

function integer(text: string | undefined, option: string, fallback: number, max: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw usageError(`${option} "${text}" is not allowed: use a whole number from 0 to ${max}.`);
}

function checkNatsUrl(text: string): void {
  const isUsable = (server: string) => /^(nats|tls):\/\/[^/\s]+$/.test(server) && URL.canParse(server);
  // Not quoted: it may hold a password.
  if (!text.split(',').every((server) => isUsable(server.trim())))
    throw usageError('--nats-url is no address of a nats-server: use nats://host:4222.');
}
