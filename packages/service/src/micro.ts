/**
 * A service as a NATS micro service: `nats micro ls`, `info` and `stats` show it, `nats req` calls it.
 *
 *   N1  JSON in, JSON out; an empty request is `{}`. What a handler gets is what its schema promises.
 *   N2  An error is a service error: the status in `Nats-Service-Error-Code`, `<code>: <detail>` in `Nats-Service-Error`, the problem
 *       document of the REST interface as the body. A request is always answered.
 *   N3  The numbers of `nats micro stats` count what really happened: whole handlers, and every error.
 *   N4  `stop()` takes no more requests and waits for those in hand.
 *
 * Instances of one service share the requests (queue group `q`).
 */
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import { type Endpoint, type ServiceMsg, Svcm } from '@nats-io/services';
import type { z } from 'zod';
import { ProblemError, problemOf, type StatusOf, statusByConvention, validationProblem } from './problem.ts';

/** One operation. `handler` gets the validated request; what it returns is the answer, undefined becomes `{}`. */
export interface MicroEndpoint<S extends z.ZodType | undefined = z.ZodType | undefined> {
  /** Letters, digits, `-`, `_`. */
  readonly name: string;
  readonly subject: string;
  /** One sentence; shown by `nats micro info`. */
  readonly description: string;
  readonly request?: S;
  readonly handler: (request: S extends z.ZodType ? z.output<S> : undefined) => unknown;
}

export interface MicroOptions {
  /** Letters, digits, `-`, `_`. */
  readonly name: string;
  /** Semantic version. */
  readonly version: string;
  readonly description: string;
  /** Shown as metadata: NATS gives each start an id of its own. */
  readonly instance: string;
  readonly endpoints: readonly MicroEndpoint[];
  readonly log: Logger;
  /** Statuses of the service's own error codes, asked before the conventions. */
  readonly statusOf?: StatusOf;
}

export interface Micro {
  stop(): Promise<void>;
}

/** Gives an endpoint's handler the type of its schema. */
export function microEndpoint<S extends z.ZodType | undefined = undefined>(endpoint: MicroEndpoint<S>): MicroEndpoint {
  return endpoint as unknown as MicroEndpoint;
}

/** Registers the service and its endpoints. They survive reconnects; they end with `stop()` or the connection. */
export async function startMicro(nc: NatsConnection, options: MicroOptions): Promise<Micro> {
  const { name, version, description, instance, endpoints, log } = options;
  const statusOf: StatusOf = (code) => options.statusOf?.(code) ?? statusByConvention(code);
  const inHand = new Set<Promise<void>>();
  const statistics = new Map<string, Statistics>();

  // The library is built against its own older copy of nats-core; what it uses of a connection is the same in both.
  const service = await new Svcm(nc as unknown as ConstructorParameters<typeof Svcm>[0]).add({
    name,
    version,
    description,
    metadata: { instance },
    statsHandler: async (endpoint) => correctStatistics(endpoint, statistics),
  });

  for (const endpoint of endpoints) {
    const figures: Statistics = { requests: 0, errors: 0, milliseconds: 0, lastError: undefined };
    statistics.set(endpoint.name, figures);
    service.addEndpoint(endpoint.name, {
      subject: endpoint.subject,
      metadata: { description: endpoint.description },
      handler: (error, message) => {
        if (error !== null) return log.error('micro.failed', { endpoint: endpoint.name, error });
        const work = serve(endpoint, message, figures, { log, statusOf }).finally(() => inHand.delete(work));
        inHand.add(work);
      },
    });
  }

  let stopping = false;
  void service.stopped.then((error) => {
    if (!stopping && !nc.isClosed()) log.error('micro.ended', { name, error });
  });
  return {
    stop: async () => {
      stopping = true;
      await service.stop();
      await Promise.allSettled(inHand);
    },
  };
}

interface Statistics {
  requests: number;
  errors: number;
  milliseconds: number;
  lastError: string | undefined;
}

/** Answers one request. Never rejects. */
async function serve(
  endpoint: MicroEndpoint,
  message: ServiceMsg,
  figures: Statistics,
  { log, statusOf }: { log: Logger; statusOf: StatusOf },
): Promise<void> {
  const began = performance.now();
  figures.requests += 1;
  try {
    const result = await endpoint.handler(readRequest(endpoint, message.data) as never);
    message.respond(JSON.stringify(result ?? {}));
  } catch (error) {
    const problem = problemOf(error, statusOf);
    figures.errors += 1;
    // Header values are one line.
    figures.lastError = `${problem.code}: ${problem.detail}`.replace(/\s+/g, ' ');
    if (problem.code === 'internal') log.error('micro.failed', { endpoint: endpoint.name, error });
    refuse(message, problem.status, figures.lastError, JSON.stringify(problem), log);
  } finally {
    figures.milliseconds += performance.now() - began;
  }
}

function refuse(message: ServiceMsg, status: number, text: string, body: string, log: Logger): void {
  try {
    message.respondError(status, text, body);
  } catch (error) {
    // The connection is closed or closing: there is nobody left to tell.
    log.warn('micro.unanswered', { subject: message.subject, error });
  }
}

function readRequest({ request }: MicroEndpoint, data: Uint8Array): unknown {
  if (request === undefined) return undefined;
  const result = request.safeParse(data.length === 0 ? {} : parse(data));
  if (!result.success) throw validationProblem('request', result.error);
  return result.data;
}

function parse(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (cause) {
    throw new ProblemError(400, 'malformed_json', 'The request is not valid JSON', { cause });
  }
}

/**
 * The library measures only what a handler does before its first await, and knows no errors of asynchronous handlers. It hands its own
 * counters to the statistics handler just before it reports them: there they are set right.
 */
function correctStatistics(endpoint: Endpoint, statistics: ReadonlyMap<string, Statistics>): undefined {
  const { name, stats } = endpoint as Endpoint & { name?: string; stats?: Record<string, unknown> };
  const figures = statistics.get(name ?? '');
  if (figures === undefined || stats === undefined) return undefined;
  const nanoseconds = Math.round(figures.milliseconds * 1_000_000);
  Object.assign(stats, {
    num_requests: figures.requests,
    num_errors: figures.errors,
    processing_time: nanoseconds,
    average_processing_time: figures.requests === 0 ? 0 : Math.round(nanoseconds / figures.requests),
    last_error: figures.lastError,
  });
  return undefined;
}
