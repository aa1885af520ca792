/**
 * The registry as a service: HTTP first, then the broker, whenever it comes.
 *
 * Start: HTTP answers (503 for what needs the broker) → broker → micro service → provisioned → heartbeat: ready.
 * Stop: no more requests → heartbeat taken back → events flushed, bounded → connection closed.
 */
import { hostname } from 'node:os';
import { connect } from '@frame-buffer/jetstream';
import { type Instance, instanceKey } from '@frame-buffer/protocol';
import {
  type HttpOptions,
  type ReadinessCheck,
  type RunningService,
  type ServiceContext,
  startHeartbeat,
  startMicro,
} from '@frame-buffer/service';
import type { NatsConnection } from '@nats-io/nats-core';
import { microEndpoints } from './api/micro.ts';
import { Operations } from './api/operations.ts';
import { restRoutes } from './api/rest.ts';
import type { RegistryConfig } from './config.ts';
import { registryMetrics } from './metrics.ts';
import { Registry } from './registry.ts';
import { remarks, unready } from './topology/report.ts';

const statusOf: HttpOptions['statusOf'] & {} = (code) => (code === 'broker_refused' ? 502 : undefined);

export async function startRegistry(context: ServiceContext<RegistryConfig>): Promise<RunningService> {
  const { config, log, metrics, identity } = context;
  let registry: Registry | undefined;
  const counted = registryMetrics(metrics, () => registry);
  const operations = new Operations(() => registry, counted.registered);

  const { port } = await context.serveHttp({
    checks: readinessChecks(() => registry),
    statusOf,
    routes: (app) => restRoutes(app, operations),
  });
  const nc = await reachBroker(context);
  registry = await Registry.open({
    nc,
    sizes: config,
    replicas: config.replicas,
    instance: identity.instance,
    log,
    onEntry: counted.provisioned,
  });
  const micro = await startMicro(nc, {
    name: identity.service,
    version: identity.version,
    description: 'Provisions streams and consumers; registers processors.',
    instance: identity.instance,
    endpoints: microEndpoints(operations),
    log,
    statusOf,
  });
  await orAborted(registry.provisioned(), context.signal);
  const { heartbeats } = registry;
  const key = instanceKey('service', identity.service, identity.instance);
  const heartbeat = startHeartbeat<Instance>({
    record: () => ({
      kind: 'service',
      name: identity.service,
      instance: identity.instance,
      startedAt: identity.startedAt.toISOString(),
      http: `http://${publicHost(config.host)}:${port}`,
      state: 'ready',
    }),
    put: async (record) => heartbeats.bucket.put(key, record),
    remove: async () => heartbeats.bucket.delete(key),
    log,
  });
  return {
    stop: async () => {
      await within(STEP_BOUND_MS, micro.stop());
      await heartbeat.stop();
      await registry?.stop();
      await nc.close();
    },
  };
}

/** A broker that is away must not keep the process from ending. */
const STEP_BOUND_MS = 2_000;

async function reachBroker({
  config,
  identity,
  log,
  crash,
  signal,
}: ServiceContext<RegistryConfig>): Promise<NatsConnection> {
  let attempts = 0;
  const connecting = connect({
    servers: config.natsUrl,
    name: identity.service,
    onWaiting: (error) => {
      if (attempts++ % WAITING_LOGGED_EVERY === 0) log.warn('broker.awaited', { attempts, error });
    },
  });
  const nc = await orAborted(connecting, signal);
  log.info('broker.reached', { server: nc.getServer() });
  void nc.closed().then((error) => {
    if (!signal.aborted) crash(error ?? new Error('the connection to the broker was closed'));
  });
  return nc;
}

/** Attempts are half a second apart, or a few seconds where the network swallows them. */
const WAITING_LOGGED_EVERY = 20;

function readinessChecks(current: () => Registry | undefined): readonly ReadinessCheck[] {
  const waiting = 'waits for the broker';
  return [
    {
      name: 'broker',
      check: () => (current() === undefined ? waiting : current()?.isConnected || 'the broker is away'),
    },
    {
      // What does not keep it from its work is told with the name: an answer of readiness has no other place for it.
      get name() {
        const registry = current();
        const remark = registry === undefined ? undefined : remarks(registry.topology());
        return remark === undefined ? 'topology' : `topology, ${remark}`;
      },
      check: () => {
        const registry = current();
        return registry === undefined ? waiting : (unready(registry.topology()) ?? true);
      },
    },
  ];
}

/** The address under which others find what listens on `host`. */
function publicHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function within(boundMs: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, boundMs);
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
