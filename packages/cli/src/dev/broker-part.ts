/**
 * The embedded nats-server.
 *
 *   E1  One server per data folder: a second run on it is told so, and changes nothing.
 *   E2  With the default ports it listens on NATS's own port if that is free, so that clients need no settings; else on any free one.
 *   E3  A server that dies comes back on the same port and store; everybody reconnects.
 */
import { join } from 'node:path';
import { type Broker, BrokerError, startBroker } from '@frame-buffer/broker';
import { DevError } from './errors.ts';
import type { RunLogs } from './logs.ts';
import type { Part, PartEvent, PartState, PartStatus } from './part.ts';
import type { Environment } from './processes.ts';
import { type Life, Revival } from './revival.ts';

export interface BrokerPartOptions {
  readonly env: Environment;
  /** Absolute; the store is a folder in it. */
  readonly dataDir: string;
  readonly prefersNatsPort: boolean;
  readonly logs: RunLogs;
  readonly onEvent: (event: PartEvent) => void;
}

const NAME = 'nats-server';
const NATS_PORT = 4222;
const ANY_PORT = -1;
const LOG_BYTES = 8 * 1024 * 1024;

export class BrokerPart implements Part {
  readonly #options: BrokerPartOptions;
  readonly #revival: Revival;
  #broker: Broker | undefined;
  #state: PartState = 'stopped';

  constructor(options: BrokerPartOptions) {
    this.#options = options;
    this.#revival = new Revival({
      name: NAME,
      launch: () => this.#relaunch(),
      onEvent: options.onEvent,
      onState: (state) => {
        this.#state = state;
      },
    });
  }

  get status(): PartStatus {
    return { name: NAME, state: this.#state, pid: this.#broker?.pid, restarts: this.#revival.restarts };
  }

  /** Known once started. */
  get url(): string {
    if (this.#broker === undefined) throw new Error('the broker has not been started');
    return this.#broker.url;
  }

  async start(): Promise<void> {
    this.#state = 'starting';
    try {
      this.#broker = await this.#launch();
    } catch (error) {
      this.#state = 'stopped';
      throw this.#explained(error);
    }
    this.#state = 'running';
    this.#revival.watch(this.#broker);
  }

  async stop(): Promise<void> {
    this.#revival.end();
    await this.#broker?.stop();
    this.#state = 'stopped';
  }

  kill(): void {
    this.#revival.end();
    this.#broker?.kill('SIGKILL');
  }

  async #launch(): Promise<Broker> {
    if (!this.#options.prefersNatsPort) return this.#startOn(ANY_PORT);
    try {
      return await this.#startOn(NATS_PORT);
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'port_unavailable') throw error;
      return this.#startOn(ANY_PORT);
    }
  }

  #startOn(port: number): Promise<Broker> {
    const { env, dataDir, logs } = this.#options;
    return startBroker({
      env,
      port,
      storeDir: join(dataDir, 'store'),
      overrides: { logfile: logs.pathOf(NAME), logfile_size_limit: LOG_BYTES, logfile_max_num: 2 },
    });
  }

  async #relaunch(): Promise<Life> {
    const broker = this.#broker;
    if (broker === undefined) throw new Error('the broker has not been started');
    await broker.restart();
    return broker;
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof BrokerError)) return error;
    const { dataDir, logs } = this.#options;
    const tail = logs.tail(NAME, 8);
    switch (error.code) {
      case 'store_in_use':
        return new DevError(
          `The data folder ${dataDir} is in use by another frame-buffer dev. Stop that one first, or choose another folder with --data. (${error.message})`,
          { cause: error },
        );
      case 'exited_early':
      case 'start_timeout':
        return new DevError(`${error.message}\n${tail}`.trimEnd(), { cause: error });
      default:
        return new DevError(error.message, { cause: error });
    }
  }
}
