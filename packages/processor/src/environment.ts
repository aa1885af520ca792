/**
 * What a deployment may set without a change of code. The environment is handed in, and has the last word over options.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { InvalidInputError, isToken, TOKEN_RULE } from '@frame-buffer/protocol';
import { createLogger, type Logger, type LogLevel, logLevels } from '@frame-buffer/telemetry';
import type { ResolvedOptions } from './options.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Everything an instance needs to know of itself. */
export interface Settings extends ResolvedOptions {
  readonly instance: string;
  readonly logger: Logger;
}

const VARIABLES = {
  natsUrl: 'FRAME_BUFFER_NATS_URL',
  instance: 'FRAME_BUFFER_INSTANCE',
  concurrency: 'FRAME_BUFFER_CONCURRENCY',
  logLevel: 'FRAME_BUFFER_LOG_LEVEL',
  drainMs: 'FRAME_BUFFER_SHUTDOWN_MS',
} as const;

/** Throws `invalid_environment`; the message names every variable at fault. Blank counts as unset. */
export function resolveEnvironment(options: ResolvedOptions, env: Environment): Settings {
  const faults: string[] = [];
  const read = (variable: string) => env[variable]?.trim() || undefined;
  const check = (variable: string, isAllowed: boolean, allowed: string) => {
    if (!isAllowed) faults.push(`  - ${variable} is not allowed: use ${allowed}`);
  };
  const integer = (variable: string, fallback: number, min: number, max: number) => {
    const value = Number(read(variable) ?? fallback);
    check(variable, Number.isInteger(value) && value >= min && value <= max, `a whole number from ${min} to ${max}`);
    return value;
  };

  // Never shown, not even when wrong: it may hold a password.
  const natsUrl = read(VARIABLES.natsUrl) ?? options.natsUrl;
  check(VARIABLES.natsUrl, isNatsUrl(natsUrl), 'nats://host:port or tls://host:port, several separated by commas');
  const instance = read(VARIABLES.instance) ?? options.instance ?? instanceName();
  check(VARIABLES.instance, isToken(instance), TOKEN_RULE);
  const level = read(VARIABLES.logLevel) ?? 'info';
  check(VARIABLES.logLevel, isLogLevel(level), logLevels.join(', '));
  const concurrency = integer(VARIABLES.concurrency, options.concurrency, 1, 1024);
  const drainMs = integer(VARIABLES.drainMs, options.drainMs, 100, 600_000);

  if (faults.length > 0)
    throw new InvalidInputError('environment', `processor "${options.name}" cannot start:\n${faults.join('\n')}`);
  const logger = options.logger ?? createLogger({ service: options.name, instance, level: level as LogLevel });
  return { ...options, natsUrl, instance, concurrency, drainMs, logger };
}

function isNatsUrl(servers: string): boolean {
  return servers.split(',').every((server) => {
    const url = URL.parse(server.trim());
    return url !== null && ['nats:', 'tls:'].includes(url.protocol) && url.hostname !== '';
  });
}

function isLogLevel(text: string): boolean {
  return (logLevels as readonly string[]).includes(text);
}

/** A token that no other replica has: `<host>-<pid>-<random>`. */
function instanceName(): string {
  const host = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${host || 'host'}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
