/** Keeps the route table current from the registry's records and the heartbeats, and names the capabilities to serve. */
import { type JsonBucket, Mirror } from '@frame-buffer/jetstream';
import type { Camera, Instance, Processor } from '@frame-buffer/protocol';
import { buildRouteTable, EMPTY_ROUTES, type RouteTable } from './route-table.ts';

export interface RouteSources {
  readonly processors: JsonBucket<Processor>;
  readonly instances: JsonBucket<Instance>;
  readonly cameras: JsonBucket<Camera>;
}

export class Routes {
  readonly #processors: Mirror<Processor>;
  readonly #instances: Mirror<Instance>;
  readonly #cameras: Mirror<Camera>;
  #table: RouteTable = EMPTY_ROUTES;
  /** Heartbeats change a record every second, but rarely who is there. */
  #signature = '';

  private constructor(processors: Mirror<Processor>, instances: Mirror<Instance>, cameras: Mirror<Camera>) {
    this.#processors = processors;
    this.#instances = instances;
    this.#cameras = cameras;
  }

  /** `onChange` is called after the table or the set of capabilities has changed. */
  static async follow(sources: RouteSources, onChange: () => void): Promise<Routes> {
    const [processors, instances, cameras] = await Promise.all([
      Mirror.of(sources.processors),
      Mirror.of(sources.instances),
      Mirror.of(sources.cameras),
    ]);
    const routes = new Routes(processors, instances, cameras);
    routes.#rebuild();
    const changed = () => {
      routes.#rebuild();
      onChange();
    };
    processors.onChange(changed);
    cameras.onChange(onChange);
    instances.onChange(() => {
      if (routes.#instanceSignature() !== routes.#signature) changed();
    });
    return routes;
  }

  get table(): RouteTable {
    return this.#table;
  }

  /** Everything that a camera asks for or a processor can do. */
  capabilities(): Set<string> {
    const names = new Set<string>();
    for (const { capabilities } of this.#processors.values()) for (const name of capabilities) names.add(name);
    for (const { capabilities } of this.#cameras.values()) for (const name of capabilities) names.add(name);
    return names;
  }

  stop(): void {
    for (const mirror of [this.#processors, this.#instances, this.#cameras]) mirror.stop();
  }

  #rebuild(): void {
    this.#signature = this.#instanceSignature();
    this.#table = buildRouteTable(this.#processors.values(), this.#instances.values());
  }

  #instanceSignature(): string {
    const present: string[] = [];
    for (const [key, { state }] of this.#instances.entries()) present.push(`${key}=${state}`);
    return present.sort().join();
  }
}
