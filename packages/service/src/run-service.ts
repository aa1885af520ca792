/**
 * From the command line to a running service: what `main.ts` of every service calls.
 *
 *   P1  Faults of the configuration are all printed, exit 78; an unknown option, exit 64. `--help` and `--version` start nothing.
 *
 * What follows, up to the exit code, is in lifecycle.ts (P2 to P6).
 */
import { createLogger, createMetrics, type Logger, type Metrics } from '@frame-buffer/telemetry';
import type { FastifyInstance } from 'fastify';
import {
  type ConfigDefinition,
  type ConfigOf,
  formatFaults,
  loadConfig,
  publicConfig,
  type Settings,
} from './config.ts';
import { helpText } from './config-reference.ts';
import type { Identity, ReadinessCheck } from './health.ts';
import { createHttpServer } from './http.ts';
import { Lifecycle, type RunningService } from './lifecycle.ts';
import type { StatusOf } from './problem.ts';
import { exitCode, printError, tellParent } from './process.ts';
import type { CommonConfig, CommonSettings } from './settings.ts';

export interface HttpOptions {
  /** What must hold before the service counts as ready, besides that it has started. */
  readonly checks?: readonly ReadinessCheck[];
  /** Statuses of the service's own error codes. */
  readonly statusOf?: StatusOf;
  /** Bound of a body in bytes; default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Adds the service's routes. */
  readonly routes?: (app: FastifyInstance) => void;
}

export interface ServiceContext<C> {
  readonly config: C;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly identity: Identity;
  /** Aborted when the service is to stop; whatever waits in `start` should give up then. */
  readonly signal: AbortSignal;
  /** Opens the HTTP server at the configured address, once; it closes after the service has stopped. Throws `PortError`. */
  serveHttp(options?: HttpOptions): Promise<{ readonly port: number }>;
  /** For errors that the service cannot live with: logged as fatal, exit 1. */
  crash(error: unknown): void;
}

export interface ServiceOptions<S extends Settings> {
  readonly definition: ConfigDefinition<S>;
  /** Semantic version of the service. */
  readonly version: string;
  /** The process, handed over by `main.ts`, which alone may touch it. */
  readonly process: NodeJS.Process;
  /** Brings the service up; resolves when it does its work. A rejection is logged as fatal, exit 1. */
  readonly start: (context: ServiceContext<ConfigOf<ConfigDefinition<S>>>) => Promise<RunningService>;
}

/** Runs a service until its process exits. Resolves when it is ready. */
export async function runService<S extends Settings & CommonSettings>(options: ServiceOptions<S>): Promise<void> {
  const { definition, version, process, start } = options;
  const { argv, env } = process;
  const { service } = definition;

  const spoken = answerCommandLine(definition, version, argv.slice(2));
  if (spoken !== undefined) {
    if (spoken.code === exitCode.stopped) process.stdout.write(spoken.text);
    else printError(spoken.text);
    // Not exit(): a pipe may still hold the text.
    process.exitCode = spoken.code;
    return;
  }
  const loaded = loadConfig(definition, env);
  if (!loaded.ok) {
    const message = formatFaults(service, loaded.faults);
    printError(`${message}\nSee --help for all settings.\n`);
    await tellParent(process, { type: 'failed', service, code: 'config_invalid', message });
    return process.exit(exitCode.config);
  }

  const { config } = loaded;
  const common = config as CommonConfig;
  const identity: Identity = { service, instance: common.instance, version, startedAt: new Date() };
  const log = createLogger({ service, instance: common.instance, level: common.logLevel });
  for (const warning of loaded.warnings) log.warn('config.variableUnknown', { ...warning });
  log.info('service.starting', {
    version,
    pid: process.pid,
    node: process.version,
    config: publicConfig(definition, config),
  });

  const life = new Lifecycle(process, log, common.shutdownMs);
  life.watch();
  const metrics = createMetrics({ service });
  describeBuild(metrics, version);

  await life.run(service, (http) =>
    start({
      config,
      log,
      metrics,
      identity,
      signal: life.signal,
      crash: (error) => life.crash(error, 'service'),
      serveHttp: async ({ routes, checks = [], ...rest } = {}) => {
        const server = createHttpServer({ identity, log, metrics, checks: [life.started, ...checks], ...rest });
        routes?.(server.app);
        return http(server, await server.listen({ host: common.host, port: common.port }));
      },
    }),
  );
}

function answerCommandLine(
  definition: Parameters<typeof helpText>[0],
  version: string,
  args: readonly string[],
): { readonly code: number; readonly text: string } | undefined {
  const { service } = definition;
  const unknown = args.find((arg) => !['--help', '-h', '--version'].includes(arg));
  if (unknown !== undefined) {
    return { code: exitCode.usage, text: `${service}: unknown option ${JSON.stringify(unknown)}; see --help\n` };
  }
  if (args.includes('--version')) return { code: exitCode.stopped, text: `${version}\n` };
  if (args.length > 0) return { code: exitCode.stopped, text: helpText(definition, version) };
  return undefined;
}

function describeBuild(metrics: Metrics, version: string): void {
  metrics
    .gauge({ name: 'frame_buffer_service_info', help: 'Always 1; the version is in the label.', labels: ['version'] })
    .set({ version }, 1);
}
