/** Keeps the route table current from the registry's records, policies and heartbeats, and names the capabilities to serve. */
import { type JsonBucket, Mirror } from '@frame-buffer/jetstream';
import type { ActorRecord, Camera, Instance, Processor } from '@frame-buffer/protocol';
import type { Credits } from '../credit/credits.ts';
import type { Policies } from '../policies/policies.ts';
import { closedProcessors } from './closed.ts';
import type { Admission } from './route.ts';
import { buildRouteTable, EMPTY_ROUTES, type RouteTable } from './route-table.ts';

export interface RouteSources {
  readonly processors: JsonBucket<Processor>;
  readonly instances: JsonBucket<Instance>;
  readonly cameras: JsonBucket<Camera>;
  /** The registry's decisions about processors' lives. */
  readonly actors: JsonBucket<ActorRecord>;
  readonly policies: Policies;
  readonly credits: Credits;
}

interface Mirrors {
  readonly processors: Mirror<Processor>;
  readonly instances: Mirror<Instance>;
  readonly cameras: Mirror<Camera>;
  readonly actors: Mirror<ActorRecord>;
}

export class Routes {
  readonly #mirrors: Mirrors;
  readonly #policies: Policies;
  readonly #credits: Credits;
  readonly #onChange: () => void;
  /** Of those that may not get everything. */
  readonly #admissions = new Map<string, Admission>();
  #table: RouteTable = EMPTY_ROUTES;
  /** Heartbeats change a record every second, but rarely who is there. */
  #signature = '';
  #closed = '';

  private constructor(mirrors: Mirrors, { policies, credits }: RouteSources, onChange: () => void) {
    this.#mirrors = mirrors;
    this.#policies = policies;
    this.#credits = credits;
    this.#onChange = onChange;
  }

  /** `onChange` is called after the table or the set of capabilities has changed. */
  static async follow(sources: RouteSources, onChange: () => void): Promise<Routes> {
    const [processors, instances, cameras, actors] = await Promise.all([
      Mirror.of(sources.processors),
      Mirror.of(sources.instances),
      Mirror.of(sources.cameras),
      Mirror.of(sources.actors),
    ]);
    const routes = new Routes({ processors, instances, cameras, actors }, sources, onChange);
    routes.#rebuild();
    processors.onChange(() => routes.#changed());
    cameras.onChange(onChange);
    instances.onChange(() => {
      if (routes.#instanceSignature() !== routes.#signature) routes.#changed();
    });
    actors.onChange(() => {
      if (routes.#closedSignature() !== routes.#closed) routes.#changed();
    });
    sources.policies.onChange(() => routes.#changed());
    return routes;
  }

  get table(): RouteTable {
    return this.#table;
  }

  /**
   * Says how much work a processor may get although it is ready: `none` takes it out of the table (its breaker is open), with
   * `trials` nobody waits for it.
   */
  admit(processor: string, admission: Admission): void {
    if ((this.#admissions.get(processor) ?? 'all') === admission) return;
    if (admission === 'all') this.#admissions.delete(processor);
    else this.#admissions.set(processor, admission);
    this.#changed();
  }

  /** Names of all registered processors, ready or not. */
  registered(): Set<string> {
    return new Set(Array.from(this.#mirrors.processors.values(), ({ name }) => name));
  }

  /** Everything that a camera asks for or a processor can do. */
  capabilities(): Set<string> {
    const names = new Set<string>();
    for (const { capabilities } of this.#mirrors.processors.values()) for (const name of capabilities) names.add(name);
    for (const { capabilities } of this.#mirrors.cameras.values()) for (const name of capabilities) names.add(name);
    return names;
  }

  stop(): void {
    this.#policies.stop();
    for (const mirror of Object.values(this.#mirrors)) mirror.stop();
  }

  #changed(): void {
    this.#rebuild();
    this.#onChange();
  }

  #rebuild(): void {
    this.#signature = this.#instanceSignature();
    this.#closed = this.#closedSignature();
    const registered = [...this.#mirrors.processors.values()];
    this.#credits.retain(new Set(registered.map(({ name }) => name)));
    const inputs = {
      processors: registered,
      instances: this.#mirrors.instances.values(),
      policies: this.#policies.current,
      blocked: new Set([...this.#admitted('none'), ...closedProcessors(this.#mirrors.actors)]),
      onTrial: new Set(this.#admitted('trials')),
      credits: this.#credits,
    };
    this.#table = buildRouteTable(inputs, this.#table);
  }

  *#admitted(wanted: Admission): Generator<string> {
    for (const [processor, admission] of this.#admissions) if (admission === wanted) yield processor;
  }

  #closedSignature(): string {
    return [...closedProcessors(this.#mirrors.actors)].sort().join();
  }

  #instanceSignature(): string {
    const present: string[] = [];
    for (const [key, { state }] of this.#mirrors.instances.entries()) present.push(`${key}=${state}`);
    return present.sort().join();
  }
}
