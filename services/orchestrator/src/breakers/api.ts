/** What the route breakers answer, over REST and as micro endpoints. */
import { breakerResetSchema, endpoint } from '@frame-buffer/protocol';
import { jsonRoute, type MicroEndpoint, microEndpoint, ProblemError } from '@frame-buffer/service';
import type { Resets } from './resets.ts';
import type { RouteBreakers } from './route-breakers.ts';

export interface BreakerControl {
  readonly breakers: Pick<RouteBreakers, 'views'>;
  readonly resets: Pick<Resets, 'reset'>;
}

type App = Parameters<typeof jsonRoute>[0];

const LIST = 'Breakers of all registered processors, as this orchestrator sees them';
const RESET = "Closes a processor's breaker, at all orchestrators";

/** `control` is undefined until the broker is there: then 503 `broker_unavailable`. */
export function breakersApi(app: App, control: () => BreakerControl | undefined): void {
  const present = () => {
    const found = control();
    if (found === undefined)
      throw new ProblemError(503, 'broker_unavailable', 'The orchestrator waits for the broker; try again');
    return found;
  };
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/breakers',
    summary: LIST,
    handler: () => ({ breakers: present().breakers.views() }),
  });
  jsonRoute(app, {
    method: 'POST',
    url: '/api/v1/breakers/:processor/reset',
    summary: RESET,
    params: breakerResetSchema,
    handler: ({ params }) => present().resets.reset(params.processor),
  });
}

export function breakerEndpoints({ breakers, resets }: BreakerControl): MicroEndpoint[] {
  return [
    microEndpoint({
      name: 'breakers',
      subject: endpoint.routeBreakers,
      description: LIST,
      handler: () => ({ breakers: breakers.views() }),
    }),
    microEndpoint({
      name: 'reset-breaker',
      subject: endpoint.resetRouteBreaker,
      description: RESET,
      request: breakerResetSchema,
      handler: ({ processor }) => resets.reset(processor),
    }),
  ];
}
