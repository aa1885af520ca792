/**
 * What has to be known of the FRAMES stream as a whole: which life of it this is, and which capabilities have a backlog.
 *
 * Incarnation, for message ids: when a store is lost and made anew, sequences begin again, and ids must not.
 * Backlog: a lane may hold frames although no camera and no processor names its capability any more; they must still expire.
 */

import { watchConnection } from '@frame-buffer/jetstream';
import { anySubject, capabilityOfLaneSubject, laneOfSubject, STREAM } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';

const READ_EVERY_MS = 5_000;
const RETRY_MS = 500;

interface StreamInfo {
  readonly created?: string;
  readonly state?: { readonly subjects?: Readonly<Record<string, number>> };
}

export interface FilledLane {
  readonly capability: string;
  readonly lane: string;
}

type BacklogListener = (capabilities: ReadonlySet<string>, lanes: readonly FilledLane[]) => void;

export class FramesStream {
  readonly #nc: NatsConnection;
  #backlog: ReadonlySet<string> = new Set();
  #lanes: readonly FilledLane[] = [];
  #listener: BacklogListener = () => {};
  #incarnation = '';
  #watch: { stop(): void } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /** Of letters and digits; the same for as long as the stream keeps its sequences. */
  get incarnation(): string {
    return this.#incarnation;
  }

  /** Resolves once the stream exists. */
  async start(signal: AbortSignal): Promise<void> {
    while (!(await this.#read())) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    this.#watch = watchConnection(this.#nc, { reconnected: () => void this.#read() });
    this.#timer = setInterval(() => void this.#read(), READ_EVERY_MS);
    this.#timer.unref();
  }

  /** Calls back with the capabilities that have a backlog, now and whenever it has looked again. */
  followBacklog(listener: BacklogListener): void {
    this.#listener = listener;
    listener(this.#backlog, this.#lanes);
  }

  stop(): void {
    this.#watch?.stop();
    clearInterval(this.#timer);
  }

  async #read(): Promise<boolean> {
    try {
      const query = JSON.stringify({ subjects_filter: anySubject.frames });
      const answer = await this.#nc.request(`$JS.API.STREAM.INFO.${STREAM.frames}`, query, { timeout: 2_000 });
      const { created, state } = answer.json<StreamInfo>();
      const bornAtMs = Date.parse(created ?? '');
      if (Number.isNaN(bornAtMs)) return false;
      this.#incarnation = bornAtMs.toString(36);
      this.#lanes = Object.keys(state?.subjects ?? {}).map((name) => ({
        capability: capabilityOfLaneSubject(name),
        lane: laneOfSubject(name),
      }));
      this.#backlog = new Set(this.#lanes.map(({ capability }) => capability));
      this.#listener(this.#backlog, this.#lanes);
      return true;
    } catch {
      return false;
    }
  }
}
