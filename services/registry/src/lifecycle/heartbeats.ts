/**
 * Heartbeats by processor: who of its instances lives, when the newest was stored, and what they tell.
 *
 *   B1  Ages are the broker's: from its stamp, by a clock that is measured against it. What an instance says of time is not used.
 *   B2  An instance that takes its key back has left; one whose key expires has fallen silent, which is no event here.
 *   B3  A start in the future is told, once an instance, and changes nothing else: its clock is wrong, not its work.
 */
import type { Figures } from '@frame-buffer/actors';
import { HEARTBEAT_TTL_MS, type Instance } from '@frame-buffer/protocol';
import type { FollowedBucket } from '../followed-bucket.ts';
import { combined, InstanceFigures } from './figures.ts';

export interface Beat extends Figures {
  readonly instances: number;
  /** The newest of all instances, by the broker's stamp. */
  readonly sentAt: number;
}

export interface HeartbeatsOptions {
  readonly bucket: Pick<FollowedBucket<Instance>, 'onChange'>;
  /** By the broker's clock, milliseconds. */
  readonly now: () => number;
  readonly onBeat: (processor: string, beat: Beat) => void;
  /** The last instance took its leave. */
  readonly onAllLeft: (processor: string) => void;
  readonly onFromFuture: (processor: string, instance: string, aheadMs: number) => void;
}

interface Living {
  readonly figures: InstanceFigures;
  state: Instance['state'];
  sentAt: number;
}

/** Clocks of hosts are not that exact. */
const FUTURE_MS = 10_000;

export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  /** By processor, by instance. */
  readonly #living = new Map<string, Map<string, Living>>();
  /** The newest of each processor, also of those that are silent now. */
  readonly #newest = new Map<string, number>();
  readonly #fromFuture = new Set<string>();

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    options.bucket.onChange((_key, stored, before) => {
      if (stored === undefined) this.#gone(before);
      else this.#heard(stored.value, stored.stampedAtMs ?? options.now());
    });
  }

  /** Undefined when no instance lives. */
  of(processor: string): Beat | undefined {
    const living = this.#living.get(processor);
    if (living === undefined) return undefined;
    const sentAt = Math.max(...[...living.values()].map((one) => one.sentAt));
    return { instances: living.size, sentAt, ...combined([...living.values()].map(({ figures }) => figures)) };
  }

  /** When the newest was stored that was heard here; undefined when none was. */
  heardOf(processor: string): number | undefined {
    return this.#newest.get(processor);
  }

  /** The processor is no longer registered. */
  forget(processor: string): void {
    this.#newest.delete(processor);
  }

  #heard(record: Instance, sentAt: number): void {
    const { kind, name, instance, state } = record;
    if (kind !== 'processor') return;
    const living = this.#living.get(name) ?? new Map<string, Living>();
    this.#living.set(name, living);
    const known = living.get(instance) ?? { figures: new InstanceFigures(), state, sentAt };
    living.set(instance, known);
    known.state = state;
    known.sentAt = sentAt;
    this.#newest.set(name, sentAt);
    known.figures.note(record, sentAt);
    this.#checkStart(record);
    const beat = this.of(name);
    if (beat !== undefined) this.#options.onBeat(name, beat);
  }

  #gone(before: Instance | undefined): void {
    if (before?.kind !== 'processor') return;
    const { name, instance } = before;
    const living = this.#living.get(name);
    const known = living?.get(instance);
    if (living === undefined || known === undefined) return;
    living.delete(instance);
    this.#fromFuture.delete(`${name}.${instance}`);
    if (living.size > 0) return;
    this.#living.delete(name);
    // The broker removes a key only after its time; earlier it was taken back.
    const hasLeft = known.state === 'draining' || this.#options.now() - known.sentAt < HEARTBEAT_TTL_MS;
    if (hasLeft) this.#options.onAllLeft(name);
  }

  #checkStart({ name, instance, startedAt }: Instance): void {
    const aheadMs = Date.parse(startedAt) - this.#options.now();
    const key = `${name}.${instance}`;
    if (!(aheadMs > FUTURE_MS) || this.#fromFuture.has(key)) return;
    this.#fromFuture.add(key);
    this.#options.onFromFuture(name, instance, Math.round(aheadMs));
  }
}
