/** The settings that every service has, and the kinds of value that settings are made of. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { TOKEN_RULE, tokenSchema } from '@frame-buffer/protocol';
import { logLevels } from '@frame-buffer/telemetry';
import { z } from 'zod';
import { type ConfigDefinition, type ConfigOf, setting } from './config.ts';

/** A whole number within bounds, both included. */
export function integer(minimum: number, maximum: number) {
  return z.coerce.number().int().min(minimum).max(maximum);
}

/** `true` or `false`, also 1/0, yes/no, on/off. */
export function flag(byDefault: boolean) {
  return z.stringbool().default(byDefault).meta({ allowed: 'true | false' });
}

/** Addresses of one or more brokers of one cluster, comma-separated. */
export function natsUrl(byDefault: string) {
  return z
    .string()
    .refine((servers) => servers.split(',').every((server) => isNatsUrl(server.trim())))
    .default(byDefault)
    .meta({ allowed: 'nats://host:port or tls://host:port, several separated by commas' });
}

/**
 * The settings that every service has. `port` is the service's own default, 0 to 65535; 0 lets the system choose.
 * Spread the answer into the `settings` of `defineConfig`.
 */
export function commonSettings({ port }: { readonly port: number }) {
  return {
    natsUrl: setting('FRAME_BUFFER_NATS_URL', natsUrl('nats://127.0.0.1:4222'), {
      description: 'Where the NATS broker is.',
    }),
    host: setting(
      'FRAME_BUFFER_HOST',
      z.string().max(253).default('127.0.0.1').meta({ allowed: 'an address of this machine' }),
      {
        description: 'The address that the HTTP server listens on; 0.0.0.0 opens it to the network.',
      },
    ),
    port: setting('FRAME_BUFFER_PORT', integer(0, 65_535).default(port), {
      description: 'The port of the HTTP server; 0 lets the system choose a free one.',
    }),
    instance: setting(
      'FRAME_BUFFER_INSTANCE',
      tokenSchema('instance').default(instanceName).meta({ allowed: TOKEN_RULE }),
      {
        description: 'The name of this replica, unique among the replicas that run at the same time.',
        defaultText: 'host name, process id and a random part',
      },
    ),
    logLevel: setting('FRAME_BUFFER_LOG_LEVEL', z.enum(logLevels).default('info'), {
      description: 'The least severe level that is logged.',
    }),
    shutdownMs: setting('FRAME_BUFFER_SHUTDOWN_MS', integer(100, 600_000).default(10_000), {
      description: 'How long a stop may take before the process gives up what is still in hand.',
      unit: 'ms',
    }),
  };
}

/** A name for this replica that is a valid token and never used twice: `<host>-<pid>-<random>`. */
export function instanceName(host: string = hostname(), pid: number = process.pid): string {
  const name = host
    .toLowerCase()
    .split('.')[0]
    ?.replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${name || 'host'}-${pid}-${randomBytes(3).toString('hex')}`;
}

function isNatsUrl(text: string): boolean {
  return URL.canParse(text) && ['nats:', 'tls:'].includes(new URL(text).protocol) && new URL(text).hostname !== '';
}

export type CommonSettings = ReturnType<typeof commonSettings>;

/** The values of the common settings. */
export type CommonConfig = ConfigOf<ConfigDefinition<CommonSettings>>;
