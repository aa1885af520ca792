/** What the orchestrator answers: routes with their live load. */
import { jsonRoute } from '@frame-buffer/service';
import type { RouteBreakers } from './breakers/route-breakers.ts';
import type { Credits } from './credit/credits.ts';
import type { Step } from './routes/chain.ts';
import type { RouteTable } from './routes/route-table.ts';

/** `GET /api/v1/routes`, and the micro endpoint `orchestrator.routes`. */
export function routesView(
  { chains, byProcessor, peers }: RouteTable,
  credits: Credits,
  breakers: Pick<RouteBreakers, 'stateOf' | 'states'> | undefined,
) {
  return {
    orchestrators: peers,
    /** Those whose breaker is not closed; while it is open a processor is not among the ones below. */
    breakers: Object.fromEntries([...(breakers?.states() ?? [])].filter(([, state]) => state !== 'closed')),
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
        breaker: breakers?.stateOf(route.processor.name) ?? 'closed',
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

export function routesApi(app: App, view: () => ReturnType<typeof routesView>): void {
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/routes',
    summary: 'Ready processors, their room and load, as this orchestrator sees them',
    handler: view,
  });
}
