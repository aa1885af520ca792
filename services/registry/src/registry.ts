/**
 * The registry at its broker: what it follows, what it keeps in order, what it answers.
 *
 *   G1  A lane exists as soon as a stored camera or processor names its capability, and a consumer for each stored processor:
 *       watched, repeated until it is done, and verified again after every return of the broker and every `VERIFY_EVERY_MS`.
 *   G2  Nothing is removed on its own: lanes may hold tasks, and a processor goes only when it is deregistered or has drained.
 */
import {
  EventLog,
  JsonBucket,
  type LeaseRecord,
  leaseSchema,
  Publisher,
  Topology,
  watchConnection,
} from '@frame-buffer/jetstream';
import {
  type ActorRecord,
  type Assignment,
  actorRecordSchema,
  assignmentSchema,
  BUCKET,
  durable,
  instanceSchema,
  type Policy,
  type Processor,
  partitionsOf,
  policySchema,
  processorSchema,
  type StreamSizes,
  tokenSchema,
} from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import { type ZodType, z } from 'zod';
import { asking, inTurn } from './broker-errors.ts';
import { FollowedBucket } from './followed-bucket.ts';
import { Instances } from './instances.ts';
import { type Command, Lifecycle, type LifecycleView } from './lifecycle/lifecycle.ts';
import { Partitions } from './partitions/partitions.ts';
import { type CapabilityView, capabilityViews, keepPolicy, type NamesCapabilities } from './policies.ts';
import { Registrations } from './processors/registration.ts';
import { type ProcessorView, viewOf } from './processors/view.ts';
import { Provisioner, type ProvisionerOptions } from './topology/provisioner.ts';
import type { TopologyReport } from './topology/report.ts';
import { Upkeep } from './upkeep.ts';

export interface RegistryOptions {
  readonly nc: NatsConnection;
  readonly sizes: StreamSizes;
  readonly replicas: number;
  /** This registry's instance. */
  readonly instance: string;
  readonly log: Logger;
  readonly onEntry?: ProvisionerOptions['onEntry'];
}

const VERIFY_EVERY_MS = 60_000;
/** How long an answer may wait for a verification. */
const VERIFY_BOUND_MS = 5_000;
const FLUSH_BOUND_MS = 500;
/** Copies of snapshots that could not be used: nobody's records. */
const SET_ASIDE = 'aside.';

// Readers take what they know of a record and leave the rest: newer writers may have added to it.
const readProcessor: ZodType<Processor> = z.object(processorSchema.shape);
const readPolicy: ZodType<Policy> = z.object(policySchema.shape);
const readCamera: ZodType<NamesCapabilities> = z.object({ capabilities: z.array(tokenSchema('capability')) });

export class Registry {
  readonly registrations: Registrations;
  readonly partitions: Partitions;
  readonly instances: Instances;
  readonly #log: Logger;
  readonly #provisioner: Provisioner;
  readonly #upkeep: Upkeep;
  readonly #publisher: Publisher;
  readonly #cameras: FollowedBucket<NamesCapabilities>;
  readonly #processors: FollowedBucket<Processor>;
  readonly #policies: FollowedBucket<Policy>;
  readonly #instances: FollowedBucket<z.output<typeof instanceSchema>>;
  readonly #actors: FollowedBucket<ActorRecord>;
  readonly #assignments: FollowedBucket<Assignment>;
  readonly #lifecycle: Lifecycle;
  readonly #nc: NatsConnection;
  readonly #connection: { stop(): void };
  readonly #timer: NodeJS.Timeout;
  #isConnected = true;

  private constructor(topology: Topology, { nc, sizes, instance, log, onEntry }: RegistryOptions) {
    this.#log = log;
    this.#nc = nc;
    const follow = <T>(bucket: string, schema: ZodType<T>) =>
      new FollowedBucket<T>({
        nc,
        bucket,
        schema,
        onInvalid: (key, detail) => {
          if (!key.startsWith(SET_ASIDE)) log.warn('record.unreadable', { bucket, key, detail });
        },
      });
    this.#cameras = follow(BUCKET.cameras, readCamera);
    this.#processors = follow(BUCKET.processors, readProcessor);
    this.#policies = follow(BUCKET.capabilities, readPolicy);
    this.#instances = follow(BUCKET.instances, instanceSchema);
    this.#actors = follow(BUCKET.actors, actorRecordSchema);
    this.#assignments = follow(BUCKET.assignments, assignmentSchema);
    this.#publisher = new Publisher(nc);
    const events = new EventLog(this.#publisher, instance);
    this.#provisioner = new Provisioner({
      topology,
      sizes,
      log,
      partitions: (capability) => partitionsOf(this.#policies.get(capability)),
      ...(onEntry === undefined ? {} : { onEntry }),
    });
    this.#upkeep = new Upkeep({
      onFailure: ({ key, error, attempt, retryInMs }) =>
        log.warn('upkeep.failed', { key, attempt, retry_in_ms: retryInMs, error }),
    });
    this.instances = new Instances({ bucket: this.#instances, publisher: this.#publisher, by: instance, log });
    this.#lifecycle = new Lifecycle({
      nc,
      processors: this.#processors,
      instances: this.#instances,
      actors: this.#actors,
      publisher: this.#publisher,
      events,
      by: instance,
      provision: (name) => this.#wantConsumer(name),
      deregister: (name) => this.registrations.removed(name),
      log,
    });
    this.partitions = new Partitions({
      processors: this.#processors,
      policies: this.#policies,
      assignments: this.#assignments,
      heartbeats: this.#instances,
      instances: this.instances,
      hasQueue: (name) => this.#lifecycle.hasQueue(name),
      topology,
      publisher: this.#publisher,
      returnQueue: (name, signal) => this.#lifecycle.returnQueue(name, 'becomes_ordered', signal),
      events,
      by: instance,
      log,
    });
    this.registrations = new Registrations({
      processors: this.#processors,
      provisioner: this.#provisioner,
      topology,
      lifecycle: this.#lifecycle,
      partitions: this.partitions,
      events,
    });
    this.#policies.onChange((key) => this.#policyChanged(key));
    this.#cameras.onChange((_key, stored) => this.#wantLanes(stored?.value));
    this.#processors.onChange((key, stored) => {
      this.#wantLanes(stored?.value);
      this.#wantConsumer(key);
    });
    this.#connection = watchConnection(nc, {
      disconnected: () => this.#disconnected(),
      reconnected: () => this.#reconnected(),
    });
    this.#timer = setInterval(() => void this.#reconcile({ always: false }), VERIFY_EVERY_MS);
    this.#timer.unref();
  }

  /** Begins at once; `provisioned` tells when everything is there. */
  static async open(options: RegistryOptions): Promise<Registry> {
    return new Registry(await Topology.open(options.nc, { replicas: options.replicas }), options);
  }

  /** Resolves when streams, buckets, lanes and consumers are there; tries until then. */
  provisioned(): Promise<void> {
    return this.#reconcile({ always: true });
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  get heartbeats(): FollowedBucket<z.output<typeof instanceSchema>> {
    return this.#instances;
  }

  topology(): TopologyReport {
    return this.#provisioner.report();
  }

  /** Looks at everything again. What cannot be done in time is done later; the report says how things stand. */
  async verify(): Promise<TopologyReport> {
    await settled(this.#reconcile({ always: false }), VERIFY_BOUND_MS);
    return this.topology();
  }

  processors(capability?: string): readonly ProcessorView[] {
    return [...this.#processors.values()]
      .filter(({ capabilities }) => capability === undefined || capabilities.includes(capability))
      .map((processor) => this.#view(processor))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  /** As stored now, not as last seen; undefined when there is none. */
  async processor(name: string): Promise<ProcessorView | undefined> {
    const stored = await asking(`reading ${name}`, () => this.#processors.bucket.get(name));
    return stored === undefined ? undefined : this.#view(stored.value);
  }

  capabilities(): readonly CapabilityView[] {
    return capabilityViews({
      cameras: this.#cameras.entries(),
      processors: this.#processors.entries(),
      policies: this.#policies.entries(),
    });
  }

  /** Throws as `Lifecycle.command`. */
  command(processor: string, command: Command): Promise<LifecycleView> {
    return this.#lifecycle.command(processor, command);
  }

  /** Does this registry decide about processors' lives? */
  get hasDuty(): boolean {
    return this.#lifecycle.hasDuty;
  }

  /** Throws 409 `mixed_ordering` or `ordered_needs_settlements` where a registered processor would become impossible. */
  async keepPolicy(capability: string, policy: Policy): Promise<void> {
    this.partitions.assertPolicy(capability, policy);
    return keepPolicy(this.#policies, capability, policy);
  }

  /** Ends what runs; the connection is the caller's. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#connection.stop();
    this.instances.stop();
    await settled(Promise.all([this.#lifecycle.stop(), this.partitions.stop()]), FLUSH_BOUND_MS);
    for (const followed of this.#followed()) followed.stop();
    await settled(this.#upkeep.stop(), FLUSH_BOUND_MS);
    await settled(this.#publisher.settled(), FLUSH_BOUND_MS);
    this.#publisher.close();
  }

  #reconcile(options: { always: boolean }): Promise<void> {
    return this.#upkeep.request('topology', () => this.#reconcileNow(options));
  }

  async #reconcileNow(options: { always: boolean }): Promise<void> {
    await inTurn([
      () => this.#provisioner.provision(),
      ...this.#followed().map((followed) => () => asking('reading the records', () => followed.refresh(options))),
    ]);
    this.instances.filled();
    await asking('taking up the lifecycle', () => this.#lifecycle.start());
    const leases = { nc: this.#nc, bucket: BUCKET.leases, schema: leaseSchema };
    this.partitions.start(await asking('opening the leases', () => JsonBucket.open<LeaseRecord>(leases)));
    const named = [...this.#cameras.values(), ...this.#processors.values()];
    await inTurn([
      ...[...new Set(named.flatMap(({ capabilities }) => capabilities))].map(
        (capability) => () => this.#provisioner.lanes(capability),
      ),
      ...[...this.#processors.values()]
        .filter((processor) => this.#hasOneQueue(processor))
        .map((processor) => () => this.#provisioner.processor(processor)),
    ]);
    this.#provisioner.completed();
  }

  #followed(): readonly FollowedBucket<unknown>[] {
    const followed = [
      this.#cameras,
      this.#processors,
      this.#policies,
      this.#actors,
      this.#assignments,
      this.#instances,
    ];
    return followed as unknown as FollowedBucket<unknown>[];
  }

  #wantLanes(record: NamesCapabilities | undefined): void {
    for (const capability of new Set(record?.capabilities)) {
      void this.#upkeep.request(`lanes:${capability}`, () => this.#provisioner.lanes(capability));
    }
  }

  #wantConsumer(name: string): void {
    void this.#upkeep.request(`processor:${name}`, () => this.#keepConsumer(name));
  }

  /** R5 of the registration: asked again when it runs, for the record may be gone or another one by then. */
  async #keepConsumer(name: string): Promise<void> {
    const processor = this.#processors.get(name);
    if (processor === undefined || !this.#hasOneQueue(processor)) this.#provisioner.forget(durable.processor(name));
    else await this.#provisioner.align(processor);
  }

  /** Ordered processors have a queue for each partition. */
  #hasOneQueue(processor: Processor): boolean {
    return this.#lifecycle.hasQueue(processor.name) && this.partitions.partitionsOf(processor) === 0;
  }

  #policyChanged(capability: string): void {
    this.#wantLanes({ capabilities: [capability] });
    for (const { name, capabilities } of this.#processors.values())
      if (capabilities.includes(capability)) this.#wantConsumer(name);
  }

  #view(processor: Processor): ProcessorView {
    const { name } = processor;
    return viewOf(processor, this.instances.of('processor', name), this.#lifecycle.view(name));
  }

  #disconnected(): void {
    this.#isConnected = false;
    this.#upkeep.pause();
    this.#lifecycle.disconnected();
    this.#log.warn('broker.lost');
  }

  #reconnected(): void {
    this.#isConnected = true;
    this.#log.info('broker.returned');
    this.instances.brokerReturned();
    this.#lifecycle.reconnected();
    // It may have come back with another store.
    this.#provisioner.doubt();
    void this.#reconcile({ always: true });
    this.#upkeep.resume();
  }
}

/** Resolves when the work has ended, or after `boundMs`; a failure is its owner's business. */
async function settled(work: Promise<unknown>, boundMs: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, boundMs);
  await Promise.race([work.catch(() => undefined), late.promise]);
  clearTimeout(timer);
}
