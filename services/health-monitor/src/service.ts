/** Composition: the monitor, its HTTP, its micro endpoints and its heartbeat. */
import { type Instance, instanceKey } from '@frame-buffer/protocol';
import {
  type ConfigOf,
  type RunningService,
  type ServiceContext,
  startHeartbeat,
  startMicro,
} from '@frame-buffer/service';
import { addRoutes, microEndpoints } from './api.ts';
import type { definition } from './config.ts';
import { HealthMonitor } from './monitor.ts';

export const VERSION = '0.1.0';

type Context = Pick<
  ServiceContext<ConfigOf<typeof definition>>,
  'config' | 'log' | 'metrics' | 'identity' | 'signal' | 'serveHttp' | 'crash'
>;

/**
 * HTTP answers from the beginning; the service is up once the books have been balanced. Stopping takes back the heartbeat first, so that
 * nobody counts on an instance that is going.
 */
export async function startService(context: Context): Promise<RunningService> {
  const { config, log, metrics, identity, signal, serveHttp, crash } = context;
  const monitor = new HealthMonitor({ ...config, log, metrics, signal });
  const { port } = await serveHttp({ checks: monitor.checks, routes: (app) => addRoutes(app, monitor) });
  const { nc, directory } = await monitor.start();

  const micro = await startMicro(nc, {
    name: identity.service,
    version: identity.version,
    description: 'Health of the system, and the ledger.',
    instance: identity.instance,
    endpoints: microEndpoints(monitor),
    log,
  });
  const key = instanceKey('service', identity.service, identity.instance);
  const record: Instance = {
    kind: 'service',
    name: identity.service,
    instance: identity.instance,
    startedAt: identity.startedAt.toISOString(),
    http: `http://${config.host}:${port}`,
    state: 'ready',
  };
  const heartbeat = startHeartbeat({
    record: () => record,
    put: (beat) => directory.instanceBucket.put(key, beat),
    remove: () => directory.instanceBucket.delete(key),
    log,
  });

  let stopping = false;
  void nc.closed().then((error) => {
    // It reconnects for ever: only a refusal that will not change (credentials, permissions) closes it.
    if (!stopping) crash(error ?? new Error('the connection to the broker was closed'));
  });
  return {
    stop: async () => {
      stopping = true;
      await heartbeat.stop();
      if (!nc.isClosed()) await micro.stop();
      await monitor.stop();
    },
  };
}
