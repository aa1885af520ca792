/**
 * The demo as a whole: its parts, started and stopped in order.
 *
 *   Y1  When `start` rejects, or its signal is aborted, everything that was started has been stopped.
 *   Y2  `stop` ends every part, the broker last, and does not reject; `kill` does so at once.
 */
import { BrokerPart } from './broker-part.ts';
import { ChildPart } from './child-part.ts';
import type { RunLogs } from './logs.ts';
import { DEFAULT_PORT_BASE, type DevOptions } from './options.ts';
import type { Part, PartEvent, PartStatus } from './part.ts';
import {
  type Environment,
  FIRST_TO_STOP,
  type ProcessName,
  type ProcessSpec,
  START_ORDER,
  STOP_ORDER,
} from './processes.ts';

export interface SystemOptions {
  readonly dev: DevOptions;
  readonly env: Environment;
  readonly logs: RunLogs;
  readonly onOutput: ((name: string, chunk: Uint8Array) => void) | undefined;
  readonly onEvent: (event: PartEvent) => void;
  /** A part begins to start, or is ready. */
  readonly onStart: (step: StartStep) => void;
}

export interface StartStep {
  readonly name: string;
  readonly isReady: boolean;
  /** Where it can be reached, once ready. */
  readonly url: string | undefined;
  /** From its start to its readiness. */
  readonly tookMs: number | undefined;
}

export class System {
  readonly #options: SystemOptions;
  readonly #broker: BrokerPart | undefined;
  readonly #children = new Map<ProcessName, ChildPart>();
  #runStartMs = 0;
  #capturingSince = 0;

  constructor(options: SystemOptions) {
    const { dev, env, logs, onEvent } = options;
    this.#options = options;
    if (dev.natsUrl === undefined) {
      const prefersNatsPort = dev.portBase === DEFAULT_PORT_BASE;
      this.#broker = new BrokerPart({ env, dataDir: dev.dataDir, prefersNatsPort, logs, onEvent });
    }
  }

  get natsUrl(): string {
    return this.#options.dev.natsUrl ?? this.#broker?.url ?? '';
  }

  /** Milliseconds since 1970, before the gateway began: every epoch of this run is greater. */
  get runStartMs(): number {
    return this.#runStartMs;
  }

  /** How long the gateway has been ready, in ms. */
  get capturingMs(): number {
    return performance.now() - this.#capturingSince;
  }

  get status(): readonly PartStatus[] {
    return this.#parts().map((part) => part.status);
  }

  /** Of a service that has been ready. */
  urlOf(name: ProcessName): string {
    const url = this.#children.get(name)?.url;
    if (url === undefined) throw new Error(`${name} has not been ready`);
    return url;
  }

  /** The broker: the one thing that must be there before anything else can be asked for. @throws DevError */
  async startBroker(): Promise<void> {
    if (this.#broker !== undefined) await this.#start(this.#broker, this.#broker);
  }

  /** Everything else, in order. Stops early, without an error, when the signal is aborted. @throws DevError */
  async startServices(signal: AbortSignal): Promise<void> {
    for (const group of START_ORDER) {
      if (signal.aborted) return;
      // The last group's, which is the gateway's, is the one that stays.
      this.#runStartMs = Date.now();
      await allEnded(group.map((spec) => this.#startChild(spec)));
      this.#capturingSince = performance.now();
    }
  }

  /** Nothing new is captured from then on, and what the gateway held is stored. */
  async stopCapturing(): Promise<void> {
    await this.#children.get(FIRST_TO_STOP)?.stop();
  }

  async stop(): Promise<void> {
    for (const group of STOP_ORDER) await Promise.all(group.map((name) => this.#children.get(name)?.stop()));
    await this.#broker?.stop();
  }

  kill(): void {
    for (const part of this.#parts()) part.kill();
  }

  #startChild(spec: ProcessSpec): Promise<void> {
    const { dev, env, logs, onOutput, onEvent } = this.#options;
    const { name, portOffset } = spec;
    const child = new ChildPart({
      spec,
      env,
      natsUrl: this.natsUrl,
      port: portOffset === undefined ? undefined : dev.portBase === 0 ? 0 : dev.portBase + portOffset,
      logs,
      onOutput,
      onEvent,
    });
    this.#children.set(name, child);
    return this.#start(child, child);
  }

  async #start(part: Part, address: { readonly url: string | undefined }): Promise<void> {
    const { onStart } = this.#options;
    const { name } = part.status;
    const began = performance.now();
    onStart({ name, isReady: false, url: undefined, tookMs: undefined });
    await part.start();
    onStart({ name, isReady: true, url: address.url, tookMs: performance.now() - began });
  }

  #parts(): readonly Part[] {
    return [...(this.#broker === undefined ? [] : [this.#broker]), ...this.#children.values()];
  }
}

/** As Promise.all, but nothing is left under way when it rejects. */
async function allEnded(started: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(started)) if (outcome.status === 'rejected') throw outcome.reason;
}
