/** What the registry answers, the same over REST and NATS micro: the two differ in how they are asked. */
import {
  instanceKey,
  type Policy,
  type Processor,
  policySchema,
  processorSchema,
  type ReleaseRequest,
  releaseRequestSchema,
  tokenSchema,
} from '@frame-buffer/protocol';
import { ProblemError } from '@frame-buffer/service';
import { z } from 'zod';
import { type Figures, figuresSchema } from '../instances.ts';
import type { Command, LifecycleView } from '../lifecycle/lifecycle.ts';
import { guideTo, type ProcessorGuide } from '../processors/guide.ts';
import type { Deregistered, Registered } from '../processors/registration.ts';
import type { ProcessorView } from '../processors/view.ts';
import type { Registry } from '../registry.ts';
import type { TopologyReport } from '../topology/report.ts';

export const requestSchemas = {
  register: processorSchema,
  renew: figuresSchema.extend({ name: tokenSchema('processor'), instance: tokenSchema('instance') }),
  deregister: z.strictObject({ name: tokenSchema('processor'), force: z.boolean().default(false) }),
  command: z.strictObject({ name: tokenSchema('processor') }),
  release: releaseRequestSchema,
  list: z.strictObject({ capability: tokenSchema('capability').optional() }),
} as const;

export interface RegistrationAnswer extends Registered, ProcessorGuide {
  /** Of an ordered processor, whose instances follow the bucket of assignments instead of one queue; 0 for others. */
  readonly partitions: number;
}

export class Operations {
  readonly #current: () => Registry | undefined;
  readonly #registered: (state: string) => void;

  constructor(current: () => Registry | undefined, registered: (state: string) => void) {
    this.#current = current;
    this.#registered = registered;
  }

  async register(processor: Processor): Promise<RegistrationAnswer> {
    const registry = this.#reachable();
    const outcome = await registry.registrations.register(processor);
    this.#registered(outcome.state);
    const partitions = registry.partitions.partitionsOf(outcome.processor);
    return { ...outcome, ...guideTo(outcome.processor), partitions };
  }

  async deregister(name: string, options: { force: boolean }): Promise<Deregistered> {
    const outcome = await this.#reachable().registrations.deregister(name, options);
    this.#registered('deregistered');
    return outcome;
  }

  /** `drain`: nothing new, what is queued is finished, then it is removed. `resume` takes that back. */
  async command(name: string, command: Command): Promise<{ name: string; lifecycle: LifecycleView }> {
    const registry = this.#reachable();
    if ((await registry.processor(name)) === undefined) throw noSuch(name);
    return { name, lifecycle: await registry.command(name, command) };
  }

  /** An owner gives a partition back. Anybody else is refused: 409 `partition_not_yours`. */
  release(request: ReleaseRequest): Promise<{ released: true }> {
    return this.#reachable().partitions.release(request);
  }

  /** Who works which partition; empty for a processor that is not ordered. */
  partitions(name: string) {
    return { name, partitions: this.#reached().partitions.assignmentsOf(name) };
  }

  async renew(name: string, instance: string, figures: Figures) {
    const registry = this.#reachable();
    if ((await registry.processor(name)) === undefined) throw noSuch(name);
    const due = await registry.instances.renew(name, instance, figures);
    return { key: instanceKey('processor', name, instance), ...due };
  }

  async processor(name: string): Promise<ProcessorView & ProcessorGuide> {
    const view = await this.#reachable().processor(name);
    if (view === undefined) throw noSuch(name);
    return { ...view, ...guideTo(view) };
  }

  processors(capability: string | undefined): { processors: readonly ProcessorView[] } {
    return { processors: this.#reached().processors(capability) };
  }

  capabilities() {
    return { capabilities: this.#reached().capabilities() };
  }

  async keepPolicy(capability: string, policy: Policy): Promise<{ name: string; policy: Policy }> {
    await this.#reachable().keepPolicy(capability, policySchema.parse(policy));
    return { name: capability, policy };
  }

  topology(): TopologyReport {
    return this.#reached().topology();
  }

  verify(): Promise<TopologyReport> {
    return this.#reachable().verify();
  }

  /** For what is answered from memory: also while the broker is away. */
  #reached(): Registry {
    const registry = this.#current();
    if (registry === undefined) throw new ProblemError(503, 'broker_unavailable', 'The registry waits for the broker');
    return registry;
  }

  /** For what needs the broker: a refusal at once is better than one after its time is up. */
  #reachable(): Registry {
    const registry = this.#reached();
    if (!registry.isConnected) throw new ProblemError(503, 'broker_unavailable', 'The broker is away; try again');
    return registry;
  }
}

function noSuch(name: string): ProblemError {
  return new ProblemError(404, 'processor_not_found', `No processor ${name} is registered`);
}
