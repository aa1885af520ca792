/**
 * The beat: one record of this instance in KV `instances`, put anew every second, over a connection of its own.
 *
 *   B1  A beat that is under way is never overtaken by the next; one that fails ends nothing.
 *   B2  After `stop()` the key is gone, if the broker could be reached.
 */
import { connect, JsonBucket } from '@frame-buffer/jetstream';
import { BUCKET, HEARTBEAT_MS, type Instance, instanceKey, instanceSchema } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';
import { doneWithin, pause } from '../pause.ts';
import { Vitals } from './vitals.ts';

/** Plain data, so that it can be handed to a thread. */
export interface BeatOptions {
  readonly natsUrl: string;
  readonly name: string;
  readonly instance: string;
  /** ISO 8601 */
  readonly startedAt: string;
  readonly memory: SharedArrayBuffer;
}

/** What the beat tells of itself; sent across threads. */
export type BeatReport = { readonly type: 'beating' } | { readonly type: 'failing'; readonly detail: string };

/** A put that takes longer counts as failed; the next one overwrites it. */
const PUT_MS = 2 * HEARTBEAT_MS;
const STOP_MS = 1_500;

export class Beat {
  readonly #options: BeatOptions;
  readonly #vitals: Vitals;
  readonly #tell: (report: BeatReport) => void;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #now = new AbortController();
  #isWell: boolean | undefined;

  constructor(options: BeatOptions, tell: (report: BeatReport) => void) {
    this.#options = options;
    this.#vitals = new Vitals(options.memory);
    this.#tell = tell;
    this.#ended = this.#run();
  }

  /** Beats at once, to tell a changed state. */
  now(): void {
    this.#now.abort();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#now.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const nc = await this.#connect();
    if (nc === undefined) return;
    let bucket: JsonBucket<Instance> | undefined;
    while (!this.#stop.signal.aborted) {
      const began = performance.now();
      try {
        bucket ??= await within(PUT_MS, this.#open(nc));
        await within(PUT_MS, bucket.put(this.#key, this.#record()));
        this.#report(true, '');
      } catch (error) {
        this.#report(false, error instanceof Error ? error.message : String(error));
      }
      await this.#rest(HEARTBEAT_MS - (performance.now() - began));
    }
    await this.#end(nc, bucket);
  }

  async #connect(): Promise<NatsConnection | undefined> {
    const { natsUrl, name } = this.#options;
    const onWaiting = (error: Error) => this.#report(false, error.message);
    try {
      return await connect({ servers: natsUrl, name, signal: this.#stop.signal, onWaiting });
    } catch (error) {
      this.#report(false, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #open(nc: NatsConnection): Promise<JsonBucket<Instance>> {
    return JsonBucket.open({ nc, bucket: BUCKET.instances, schema: instanceSchema });
  }

  get #key(): string {
    return instanceKey('processor', this.#options.name, this.#options.instance);
  }

  #record(): Instance {
    const { name, instance, startedAt } = this.#options;
    return { kind: 'processor', name, instance, startedAt, ...this.#vitals.read() };
  }

  async #rest(ms: number): Promise<void> {
    await pause(Math.max(0, ms), this.#now.signal);
    if (this.#now.signal.aborted && !this.#stop.signal.aborted) this.#now = new AbortController();
  }

  async #end(nc: NatsConnection, bucket: JsonBucket<Instance> | undefined): Promise<void> {
    try {
      if (bucket !== undefined) await within(STOP_MS, bucket.delete(this.#key));
    } catch {
      // The key expires by itself.
    }
    await nc.close();
  }

  /** Tells changes only. */
  #report(isWell: boolean, detail: string): void {
    if (isWell === this.#isWell) return;
    this.#isWell = isWell;
    this.#tell(isWell ? { type: 'beating' } : { type: 'failing', detail });
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  if (await doneWithin(ms, work)) return work;
  throw new Error(`no answer within ${ms} ms`);
}
