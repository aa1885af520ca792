/** What the orchestrator answers: routes with their live load. */
import { jsonRoute } from '@frame-buffer/service';
import type { Credits } from './credit/credits.ts';
import type { Step } from './routes/chain.ts';
import type { RouteTable } from './routes/route-table.ts';

/** `GET /api/v1/routes`, and the micro endpoint `orchestrator.routes`. */
export function routesView({ chains, byProcessor, peers }: RouteTable, credits: Credits) {
  return {
    orchestrators: peers,
    capabilities: Object.fromEntries(
      [...chains].map(([name, { routes }]) => [name, routes.map((r) => r.processor.name)]),
    ),
    chains: Object.fromEntries([...chains].map(([name, { steps }]) => [name, steps.map(stepView)])),
    processors: [...byProcessor.values()].map((route) => {
      const { outstanding, window, ratePerSecond, serviceMs } = credits.load(route, peers);
      return {
        name: route.processor.name,
        capabilities: route.processor.capabilities,
        instances: route.instances,
        concurrency: route.concurrency,
        max_batch: route.processor.maxBatch,
        outstanding_tasks: outstanding,
        window_tasks: window,
        settled_per_second: Math.round(ratePerSecond * 10) / 10,
        service_ms: Math.round(serviceMs * 100) / 100,
      };
    }),
  };
}

function stepView(step: Step) {
  if (step.kind === 'skip') return { step: step.name, when: step.when };
  return {
    step: step.name,
    when: step.when,
    strategy: step.strategy,
    processors: step.routes.map(({ processor }) => processor.name),
  };
}

type App = Parameters<typeof jsonRoute>[0];

export function routesApi(app: App, table: () => RouteTable, credits: Credits): void {
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/routes',
    summary: 'Ready processors, their room and load, as this orchestrator sees them',
    handler: () => routesView(table(), credits),
  });
}
