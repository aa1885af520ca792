/**
 * Who lives: the heartbeats of processors and services, and the events of coming and going.
 *
 *   I1  An instance lives from its first heartbeat until its key is gone: taken back, or expired.
 *   I2  For a while after the broker was away nobody is declared gone: all heartbeats were late, not their senders.
 *   I3  `instance.joined` and `instance.left` carry ids made of the heartbeat's revision, so that several registries that see
 *       the same are one entry in the audit log. Who lived already when a registry started has not joined.
 */
import type { Publisher, Stored } from '@frame-buffer/jetstream';
import {
  type AuditEvent,
  HEARTBEAT_MS,
  HEARTBEAT_TTL_MS,
  type Instance,
  instanceKey,
  instanceSchema,
  subject,
} from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { z } from 'zod';
import { asking } from './broker-errors.ts';
import type { FollowedBucket } from './followed-bucket.ts';
import type { LiveInstance } from './processors/view.ts';

/** What a client tells in a heartbeat; who it is stands in the key. */
export const figuresSchema = instanceSchema.omit({ kind: true, name: true, instance: true }).partial().strict();
export type Figures = z.output<typeof figuresSchema>;

export interface InstancesOptions {
  readonly bucket: FollowedBucket<Instance>;
  readonly publisher: Pick<Publisher, 'publish' | 'pending'>;
  /** This registry's instance. */
  readonly by: string;
  readonly log: Logger;
  /** Milliseconds after the broker's return in which nobody is declared gone; default two expiries. */
  readonly graceMs?: number;
}

interface Living {
  value: Instance;
  revision: number;
  heardAt: Date;
  /** Runs while its key is gone but its departure is not believed yet. */
  leaving?: NodeJS.Timeout;
}

/** While the broker is away a bounded number of events waits. */
const MAX_EVENTS_WAITING = 1_000;

export class Instances {
  readonly #options: InstancesOptions;
  readonly #living = new Map<string, Living>();
  #graceUntil = 0;
  #isFilled = false;

  constructor(options: InstancesOptions) {
    this.#options = options;
    options.bucket.onChange((key, stored) => (stored === undefined ? this.#gone(key) : this.#heard(key, stored)));
  }

  /** All that live, of one kind and name, in the order of their names. */
  of(kind: Instance['kind'], name: string): readonly LiveInstance[] {
    return [...this.#living.values()]
      .filter(({ value }) => value.kind === kind && value.name === name)
      .map(({ value, heardAt }) => ({ ...value, heardAt: heardAt.toISOString() }))
      .sort((a, b) => a.instance.localeCompare(b.instance));
  }

  count(kind: Instance['kind']): number {
    let count = 0;
    for (const { value } of this.#living.values()) if (value.kind === kind) count += 1;
    return count;
  }

  /** Everything that lived at the start is known: from now on, new keys are arrivals. */
  filled(): void {
    this.#isFilled = true;
  }

  brokerReturned(): void {
    this.#graceUntil = performance.now() + (this.#options.graceMs ?? 2 * HEARTBEAT_TTL_MS);
  }

  /** The heartbeat of an instance that cannot write to the bucket itself. */
  async renew(name: string, instance: string, figures: Figures): Promise<{ everyMs: number; expiresAfterMs: number }> {
    const key = instanceKey('processor', name, instance);
    const known = this.#options.bucket.get(key);
    const startedAt = figures.startedAt ?? known?.startedAt ?? new Date().toISOString();
    const record = instanceSchema.parse({ ...figures, kind: 'processor', name, instance, startedAt });
    const revision = await asking(`storing the heartbeat of ${key}`, () =>
      this.#options.bucket.bucket.put(key, record),
    );
    await this.#options.bucket.reached(key, (stored) => (stored?.revision ?? 0) >= revision);
    return { everyMs: HEARTBEAT_MS, expiresAfterMs: HEARTBEAT_TTL_MS };
  }

  stop(): void {
    for (const { leaving } of this.#living.values()) clearTimeout(leaving);
  }

  #heard(key: string, { value, revision }: Stored<Instance>): void {
    const known = this.#living.get(key);
    clearTimeout(known?.leaving);
    this.#living.set(key, { value, revision, heardAt: new Date() });
    if (known === undefined && this.#isFilled) this.#tell('instance.joined', key, value, revision);
  }

  #gone(key: string): void {
    const known = this.#living.get(key);
    if (known === undefined || known.leaving !== undefined) return;
    const graceMs = this.#graceUntil - performance.now();
    if (graceMs <= 0) {
      this.#leave(key, known);
      return;
    }
    known.leaving = setTimeout(() => this.#leave(key, known), graceMs);
    known.leaving.unref();
  }

  #leave(key: string, { value, revision }: Living): void {
    this.#living.delete(key);
    this.#tell('instance.left', key, value, revision);
  }

  #tell(event: 'instance.joined' | 'instance.left', key: string, value: Instance, revision: number): void {
    const { publisher, by, log } = this.#options;
    const { kind, name, instance } = value;
    log.info(event, { kind, name, who: instance });
    if (publisher.pending > MAX_EVENTS_WAITING) return;
    const at = new Date().toISOString();
    const entry: AuditEvent = { kind: 'instance', id: instance, event, at, by, cause: `${kind} ${name}` };
    const payload = Buffer.from(JSON.stringify(entry));
    void publisher.publish(subject.event(entry.kind, entry.id), payload, { msgId: `${event}.${key}.${revision}` });
  }
}
