/**
 * Routes that are validated: what a handler gets is what its schemas promise.
 *
 *   V1  Faults of params, query and body are reported together, each with its place; the handler is then not called.
 *   V2  The answer is JSON; `undefined` is 204 without a body.
 *   V3  A route for bytes takes the content types that it names and nothing else, up to its own bound.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type InputFault, inputFaults, invalidInput } from './problem.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The output of a schema, or undefined where the route has none. */
type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

export interface RouteInput<P, Q, B> {
  readonly params: Output<P>;
  readonly query: Output<Q>;
  readonly body: Output<B>;
  readonly requestId: string;
  readonly request: FastifyRequest;
  /** For headers and a status that depends on the case; the body is what the handler returns. */
  readonly reply: FastifyReply;
}

interface RouteAbout {
  readonly method: Method;
  /** As in fastify: `/api/v1/cameras/:camera`. */
  readonly url: string;
  /** One sentence for the API's description. */
  readonly summary: string;
  /** Status of a success; default 200, or 204 when the handler returns undefined. */
  readonly status?: number;
}

export interface JsonRoute<P, Q, B> extends RouteAbout {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Bound of the body in bytes; default: the server's. */
  readonly maxBytes?: number;
  readonly handler: (input: RouteInput<P, Q, B>) => unknown;
}

export interface BytesRoute<P, Q> extends RouteAbout {
  readonly params?: P;
  readonly query?: Q;
  /** Content types without parameters: `image/jpeg`. Anything else is 415. */
  readonly contentTypes: readonly string[];
  /** Bound of the body in bytes; above it 413. */
  readonly maxBytes: number;
  readonly handler: (input: RouteInput<P, Q, undefined> & { readonly bytes: Buffer }) => unknown;
}

/** Adds a route that takes and answers JSON. Call it before the server listens. */
export function jsonRoute<
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(app: FastifyInstance, route: JsonRoute<P, Q, B>): void {
  const { method, url, maxBytes, handler } = route;
  app.route({
    method,
    url,
    ...(maxBytes === undefined ? {} : { bodyLimit: maxBytes }),
    config: { summary: route.summary },
    handler: async (request, reply) => {
      const input = validated(route, request, reply);
      return answer(reply, route.status, await handler(input));
    },
  });
}

/** Adds a route that takes bytes and answers JSON. Call it before the server listens. */
export function bytesRoute<P extends z.ZodType | undefined = undefined, Q extends z.ZodType | undefined = undefined>(
  app: FastifyInstance,
  route: BytesRoute<P, Q>,
): void {
  const { method, url, maxBytes, contentTypes, handler } = route;
  // A scope of its own: the parsers of one route must not open the others to its content types.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser([...contentTypes], { parseAs: 'buffer', bodyLimit: maxBytes }, (_request, body, done) =>
      done(null, body),
    );
    scope.route({
      method,
      url,
      bodyLimit: maxBytes,
      config: { summary: route.summary },
      handler: async (request, reply) => {
        const input = validated({ params: route.params, query: route.query }, request, reply);
        const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        return answer(reply, route.status, await handler({ ...input, body: undefined, bytes }));
      },
    });
  });
}

type Schemas<P, Q, B> = {
  readonly params?: P | undefined;
  readonly query?: Q | undefined;
  readonly body?: B | undefined;
};

function validated<P, Q, B>(
  schemas: Schemas<P, Q, B>,
  request: FastifyRequest,
  reply: FastifyReply,
): RouteInput<P, Q, B> {
  const faults: InputFault[] = [];
  const read = (part: 'params' | 'query' | 'body') => {
    const schema = schemas[part] as z.ZodType | undefined;
    if (schema === undefined) return undefined;
    const result = schema.safeParse(request[part]);
    if (result.success) return result.data;
    faults.push(...inputFaults(part, result.error));
    return undefined;
  };
  const [params, query, body] = [read('params'), read('query'), read('body')];
  if (faults.length > 0) throw invalidInput(faults);
  return { params, query, body, requestId: request.id, request, reply } as RouteInput<P, Q, B>;
}

function answer(reply: FastifyReply, status: number | undefined, result: unknown): FastifyReply {
  if (result === undefined) return reply.code(status ?? 204).send();
  if (status !== undefined && reply.statusCode === 200) reply.code(status);
  // Serialised here: fastify would send a text as text/plain.
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(result));
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** One sentence for the API's description. */
    readonly summary?: string;
  }
}
