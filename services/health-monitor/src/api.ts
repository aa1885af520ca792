/** The questions that can be asked over HTTP and NATS micro. Errors are problem details; see the package `service`. */
import { endpoint } from '@frame-buffer/protocol';
import { jsonRoute, type MicroEndpoint, microEndpoint } from '@frame-buffer/service';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { HealthMonitor } from './monitor.ts';

/** From a query string and from JSON alike. */
const since = z.coerce.number().int().min(0).optional();
const camera = z.string().min(1).max(63).optional();
const fresh = z.union([z.boolean(), z.stringbool()]).default(false);

export const ledgerQuerySchema = z.strictObject({
  /** Only epochs that began at or after this, milliseconds since 1970. */
  since,
  camera,
  /** Wait for a balance that begins after the question. */
  fresh,
});

export const overviewQuerySchema = z.strictObject({ since, camera });

export function addRoutes(app: FastifyInstance, monitor: HealthMonitor): void {
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/ledger',
    summary: 'What became of every task: the balance of the books, by camera, capability and reason.',
    query: ledgerQuerySchema,
    handler: ({ query }) => monitor.ledger(query),
  });
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/health',
    summary: 'Health of broker, streams, services and processors; each fault with what to do.',
    handler: () => monitor.health(),
  });
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/queues',
    summary: 'Messages per lane and per processor.',
    handler: () => monitor.queues(),
  });
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/overview',
    summary:
      'Everything at one glance: cameras, capabilities, processors, queues, balance. Made to be polled each second.',
    query: overviewQuerySchema,
    handler: ({ query }) => monitor.overview(query),
  });
}

export function microEndpoints(monitor: HealthMonitor): MicroEndpoint[] {
  return [
    microEndpoint({
      name: 'ledger',
      subject: endpoint.ledger,
      description: 'The balance of the books; {"since": <epoch ms>, "camera": "…", "fresh": true}, all optional.',
      request: ledgerQuerySchema,
      handler: (query) => monitor.ledger(query),
    }),
    microEndpoint({
      name: 'health',
      subject: endpoint.health,
      description: 'Health of broker, streams, services and processors; each fault with what to do.',
      handler: () => monitor.health(),
    }),
  ];
}
