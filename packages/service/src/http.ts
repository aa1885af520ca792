/**
 * The HTTP server of a service: `/health`, `/ready`, `/metrics` and the service's own routes.
 *
 *   T1  Every error is `application/problem+json` (see problem.ts): no route, too large, wrong type, malformed JSON, a failing handler.
 *   T2  Every answer has `X-Request-ID`: the client's if it is sound (1 to 64 of A-Z a-z 0-9 . _ -), else a new one.
 *   T3  Bodies are bounded: 1 MiB unless a route says otherwise.
 *   T4  A taken port is an error that says which port, and what to set.
 *   T5  Readiness fails from `drain()` on, while requests are still answered until `close()`.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Logger, Metrics } from '@frame-buffer/telemetry';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { healthRoutes, type Identity, type ReadinessCheck } from './health.ts';
import { portError } from './port-error.ts';
import { ProblemError, problemOf, type StatusOf, statusByConvention } from './problem.ts';

export interface HttpServerOptions {
  readonly identity: Identity;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly checks?: readonly ReadinessCheck[];
  /** Bound of a body in bytes; default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Statuses of the service's own error codes, asked before the conventions. */
  readonly statusOf?: StatusOf;
}

export interface HttpServer {
  /** For the service's routes, until `listen`; `app.inject` for tests. */
  readonly app: FastifyInstance;
  /** Resolves with the port once requests are answered. Throws `PortError`. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /** Readiness fails from now on. */
  drain(): void;
  /** Ends idle connections, waits for requests in hand. */
  close(): Promise<void>;
}

const defaultBodyBytes = 1_048_576;
const soundRequestId = /^[A-Za-z0-9._-]{1,64}$/;

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { identity, log, metrics, checks = [], maxBodyBytes = defaultBodyBytes } = options;
  const statusOf: StatusOf = (code) => options.statusOf?.(code) ?? statusByConvention(code);
  let draining = false;

  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const told = {
      ...problemOf(translated(error, maxBodyBytesOf(request, maxBodyBytes)), statusOf),
      requestId: request.id,
    };
    const fields = {
      method: request.method,
      url: request.url.slice(0, 500),
      status: told.status,
      code: told.code,
      request_id: request.id,
    };
    if (told.code === 'internal') log.error('http.failed', { ...fields, error });
    else log.debug('http.refused', fields);
    return reply
      .code(told.status)
      .headers({ 'x-request-id': request.id, 'content-type': 'application/problem+json; charset=utf-8' })
      .send(JSON.stringify(told));
  };

  const app = fastify({
    bodyLimit: maxBodyBytes,
    requestTimeout: 30_000,
    // Names are bounded by their schemas, with an answer that says so; here only the URL as a whole is.
    routerOptions: { maxParamLength: 2_048 },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && soundRequestId.test(given) ? given : randomUUID();
    },
    frameworkErrors: fail,
  });
  app.addHook('onSend', async (request, reply, payload) => {
    if (reply.statusCode === 413) await taken(request.raw);
    return payload;
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff' });
  });
  app.setErrorHandler(fail);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]?.slice(0, 200);
    return fail(new ProblemError(404, 'route_not_found', `There is no ${request.method} ${path}`), request, reply);
  });
  measure(app, metrics);

  const stopping: ReadinessCheck = { name: 'running', check: () => !draining || 'the service is stopping' };
  healthRoutes(app, identity, [stopping, ...checks]);
  app.get('/metrics', { config: { summary: 'Metrics in the Prometheus text format.' } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );

  return {
    app,
    listen: async ({ host, port }) => {
      try {
        await app.listen({ host, port });
      } catch (error) {
        throw portError(error, host, port);
      }
      const address = app.server.address();
      return { port: typeof address === 'object' && address !== null ? address.port : port };
    },
    drain: () => {
      draining = true;
    },
    close: async () => {
      draining = true;
      await app.close();
    },
  };
}

/** Duration by route pattern: the number of series is bounded by the code, whatever clients ask for. */
function measure(app: FastifyInstance, metrics: Metrics): void {
  const duration = metrics.histogram({
    name: 'frame_buffer_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labels: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10],
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const method = route === 'none' ? 'any' : request.method;
    duration.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
}

function maxBodyBytesOf(request: FastifyRequest, byDefault: number): number {
  return request.routeOptions.bodyLimit ?? byDefault;
}

/** Fastify's own errors as ours. Told apart by code; their texts speak of fastify. */
function translated(error: unknown, maxBytes: number): unknown {
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ProblemError(413, 'body_too_large', `The body is larger than the ${maxBytes} bytes allowed here`);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_TYPE':
      return new ProblemError(415, 'unsupported_media_type', 'This route does not take a body of that content type');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new ProblemError(400, 'malformed_json', 'The body is not valid JSON');
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new ProblemError(400, 'malformed_json', 'The body is empty, though its content type says JSON');
    case 'FST_ERR_BAD_URL':
      return new ProblemError(400, 'malformed_url', 'The path holds a broken percent encoding');
    default:
  }
  if (typeof code === 'string' && code.startsWith('FST_ERR_') && typeof statusCode === 'number' && statusCode < 500) {
    return new ProblemError(statusCode, 'malformed_request', 'The request is not sound HTTP for this route');
  }
  return error;
}

const LINGER_BYTES = 64 * 1024 * 1024;
const LINGER_MS = 5_000;

/**
 * Takes what a client still sends of a body that is refused, within bounds. Most clients read the answer only when they have sent
 * everything: one that is cut off before learns of a broken connection, and nothing else.
 */
async function taken(body: IncomingMessage): Promise<void> {
  if (body.complete || body.destroyed) return;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let bytes = 0;
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES) resolve();
  });
  for (const event of ['end', 'close', 'error'] as const) body.once(event, () => resolve());
  const timer = setTimeout(resolve, LINGER_MS);
  body.resume();
  await over;
  clearTimeout(timer);
}
