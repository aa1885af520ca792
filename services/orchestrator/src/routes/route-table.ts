/**
 * The route table: who can do what, right now. An immutable snapshot, rebuilt when the registry's records, the policies or the
 * readiness of processors change; a decision reads it and does no I/O.
 *
 * What has not changed is taken over from the table before, so that a change costs what it touches, and turns and shares of the
 * others go on.
 */
import { DEFAULT_POLICY, type Instance, type Policy, type Processor } from '@frame-buffer/protocol';
import type { Credits } from '../credit/credits.ts';
import { type Chain, compileChain, retireChain } from './chain.ts';
import type { Route } from './route.ts';

export interface RouteTable {
  /** For each capability that a ready processor has, or a policy names. */
  readonly chains: ReadonlyMap<string, Chain>;
  /** Ready processors. */
  readonly byProcessor: ReadonlyMap<string, Route>;
  /** Live orchestrators, at least 1. */
  readonly peers: number;
}

export const EMPTY_ROUTES: RouteTable = { chains: new Map(), byProcessor: new Map(), peers: 1 };

export interface RouteTableInputs {
  readonly processors: Iterable<Processor>;
  readonly instances: Iterable<Instance>;
  readonly policies?: ReadonlyMap<string, Policy>;
  /** Processors that get nothing although they are ready, as when their breaker is open. */
  readonly blocked?: ReadonlySet<string>;
  /** Processors that get trial tasks alone. */
  readonly onTrial?: ReadonlySet<string>;
  readonly credits: Credits;
}

/** The table before must not be used any more: its parts live on in the new one, or are retired. */
export function buildRouteTable(inputs: RouteTableInputs, previous: RouteTable = EMPTY_ROUTES): RouteTable {
  const { credits, policies = new Map<string, Policy>() } = inputs;
  const { peers, ready } = count(inputs.instances);
  const byProcessor = new Map<string, Route>();
  const byCapability = new Map<string, Route[]>([...policies.keys()].map((capability) => [capability, []]));
  for (const processor of inputs.processors) {
    const instances = ready.get(processor.name) ?? 0;
    if (instances === 0 && processor.liveness === 'heartbeat') continue;
    if (inputs.blocked?.has(processor.name)) continue;
    const isOnTrial = inputs.onTrial?.has(processor.name) ?? false;
    const route = routeOf({ processor, instances, isOnTrial }, previous);
    byProcessor.set(processor.name, route);
    for (const capability of processor.capabilities) {
      const routes = byCapability.get(capability);
      if (routes === undefined) byCapability.set(capability, [route]);
      else routes.push(route);
    }
  }
  const chains = new Map<string, Chain>();
  for (const [capability, routes] of byCapability) {
    const policy = policies.get(capability) ?? DEFAULT_POLICY;
    chains.set(capability, compileChain({ policy, routes, credits, peers }, previous.chains.get(capability)));
  }
  for (const [capability, chain] of previous.chains) if (chains.get(capability) !== chain) retireChain(chain);
  return { chains, byProcessor, peers };
}

/** Is there anybody for this capability's frames (of some kind), or does its chain end in a skip? */
export function isServed({ chains }: RouteTable, capability: string): boolean {
  return chains.get(capability)?.isServed ?? false;
}

function routeOf(known: Omit<Route, 'concurrency'>, previous: RouteTable): Route {
  const { processor, instances, isOnTrial } = known;
  const before = previous.byProcessor.get(processor.name);
  if (before?.processor === processor && before.instances === instances && before.isOnTrial === isOnTrial)
    return before;
  return { ...known, concurrency: processor.concurrency * Math.max(1, instances) };
}

function count(instances: Iterable<Instance>): { peers: number; ready: ReadonlyMap<string, number> } {
  const ready = new Map<string, number>();
  let peers = 0;
  for (const { kind, name, state } of instances) {
    if (kind === 'service' && name === 'orchestrator') peers += 1;
    if (kind === 'processor' && state === 'ready') ready.set(name, (ready.get(name) ?? 0) + 1);
  }
  return { peers: Math.max(1, peers), ready };
}
