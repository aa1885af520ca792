/** Composition: the monitor, its HTTP, its micro endpoints and its heartbeat. */
import { type ConfigOf, type RunningService, type ServiceContext, startMicro } from '@frame-buffer/service';
import { addRoutes, microEndpoints } from './api.ts';
import type { definition } from './config.ts';
import { HealthMonitor } from './monitor.ts';

export const VERSION = '0.1.0';

type Context = Pick<
  ServiceContext<ConfigOf<typeof definition>>,
  'config' | 'log' | 'metrics' | 'identity' | 'signal' | 'serveHttp' | 'crash'
>;

/** HTTP answers from the beginning; the service is up once the books have been balanced. */
export async function startService(context: Context): Promise<RunningService> {
  const { config, log, metrics, identity, signal, serveHttp, crash } = context;
  const monitor = new HealthMonitor({ ...config, identity, log, metrics, signal });
  const serving = await serveHttp({ checks: monitor.checks, routes: (app) => addRoutes(app, monitor) });
  const membership = await monitor.start();
  const { nc } = membership;

  const micro = await startMicro(nc, {
    name: identity.service,
    version: identity.version,
    description: 'Health of the system, and the ledger.',
    instance: identity.instance,
    endpoints: microEndpoints(monitor),
    log,
  });
  await membership.announce(serving);

  let stopping = false;
  void nc.closed().then((error) => {
    // It reconnects for ever: only a refusal that will not change (credentials, permissions) closes it.
    if (!stopping) crash(error ?? new Error('the connection to the broker was closed'));
  });
  return {
    stop: async () => {
      stopping = true;
      if (!nc.isClosed()) await micro.stop();
      await monitor.stop();
    },
  };
}
