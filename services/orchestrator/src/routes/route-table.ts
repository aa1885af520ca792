/**
 * The route table: who can do what, right now. An immutable snapshot, rebuilt when the registry's records or the heartbeats
 * change; a decision reads it and does no I/O.
 */
import type { Encoding, Instance, Processor } from '@frame-buffer/protocol';

export interface Route {
  readonly processor: Processor;
  /** Live instances; 0 for a processor whose liveness is its registration. */
  readonly instances: number;
  /** Frames worked at the same time by all of them. */
  readonly concurrency: number;
}

export interface RouteTable {
  /** Ready processors per capability. */
  readonly byCapability: ReadonlyMap<string, readonly Route[]>;
  readonly byProcessor: ReadonlyMap<string, Route>;
  /** Live orchestrators, at least 1. */
  readonly peers: number;
}

export const EMPTY_ROUTES: RouteTable = { byCapability: new Map(), byProcessor: new Map(), peers: 1 };

export function buildRouteTable(processors: Iterable<Processor>, instances: Iterable<Instance>): RouteTable {
  const ready = new Map<string, number>();
  let peers = 0;
  for (const { kind, name, state } of instances) {
    if (kind === 'service' && name === 'orchestrator') peers += 1;
    if (kind === 'processor' && state === 'ready') ready.set(name, (ready.get(name) ?? 0) + 1);
  }
  const byCapability = new Map<string, Route[]>();
  const byProcessor = new Map<string, Route>();
  for (const processor of processors) {
    const live = ready.get(processor.name) ?? 0;
    if (live === 0 && processor.liveness === 'heartbeat') continue;
    const route: Route = { processor, instances: live, concurrency: processor.concurrency * Math.max(1, live) };
    byProcessor.set(processor.name, route);
    for (const capability of processor.capabilities) {
      const routes = byCapability.get(capability);
      if (routes === undefined) byCapability.set(capability, [route]);
      else routes.push(route);
    }
  }
  return { byCapability, byProcessor, peers: Math.max(1, peers) };
}

export function canRead(route: Route, encoding: Encoding): boolean {
  return encoding === 'none' || route.processor.encodings.includes(encoding);
}
