/**
 * A service or sample as a child process of this one.
 *
 *   P1  It dies with this process, SIGKILL included, and Ctrl-C in a terminal does not reach it (packages/subprocess).
 *   P2  It is ready when it says so over IPC; a start that fails says why in the words of the service itself.
 *   P3  A port that was free to choose is kept over restarts: the addresses that were shown stay true.
 *   P4  Everything it writes is in its log file.
 */
import { type Child, SubprocessError, spawnChild } from '@frame-buffer/subprocess';
import { DevError } from './errors.ts';
import { lastWords } from './last-words.ts';
import type { LogFile, RunLogs } from './logs.ts';
import type { Part, PartEvent, PartState, PartStatus } from './part.ts';
import { type Environment, entryOf, environmentOf, type ProcessSpec } from './processes.ts';
import { describeExit, type Life, Revival } from './revival.ts';

export interface ChildPartOptions {
  readonly spec: ProcessSpec;
  readonly env: Environment;
  readonly natsUrl: string;
  /** 0: any free one. Undefined for a process without a port. */
  readonly port: number | undefined;
  readonly logs: RunLogs;
  /** Gets every chunk that the process writes. */
  readonly onOutput?: ((name: string, chunk: Uint8Array) => void) | undefined;
  readonly onEvent: (event: PartEvent) => void;
}

/** A service bounds its own drain at 10 s, the SDK at 30 s and a few more. */
const STOP_GRACE_MS = 35_000;

export class ChildPart implements Part {
  readonly #options: ChildPartOptions;
  readonly #revival: Revival;
  readonly #log: LogFile;
  #child: Child | undefined;
  #state: PartState = 'stopped';
  #port: number | undefined;
  #isStopping = false;

  constructor(options: ChildPartOptions) {
    this.#options = options;
    this.#log = options.logs.file(options.spec.name);
    this.#port = options.port;
    this.#revival = new Revival({
      name: options.spec.name,
      launch: () => this.#launch(),
      lastWords: () => this.#lastWords(),
      onEvent: options.onEvent,
      onState: (state) => {
        this.#state = state;
      },
    });
  }

  get status(): PartStatus {
    const { name } = this.#options.spec;
    return { name, state: this.#state, pid: this.#child?.pid, restarts: this.#revival.restarts };
  }

  /** Where its HTTP answers; known once it has been ready. */
  get url(): string | undefined {
    return this.#port === undefined || this.#port === 0 ? undefined : `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#state = 'starting';
    try {
      const life = await this.#launch();
      this.#state = 'running';
      this.#revival.watch(life);
    } catch (error) {
      this.#state = 'stopped';
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#revival.end();
    await this.#child?.stop({ graceMs: STOP_GRACE_MS });
    this.#state = 'stopped';
  }

  kill(): void {
    this.#isStopping = true;
    this.#revival.end();
    this.#child?.kill('SIGKILL');
  }

  async #launch(): Promise<Life> {
    const { spec, onOutput } = this.#options;
    const child = this.#spawn();
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#log.write(chunk);
      onOutput?.(spec.name, chunk);
    });
    // Of stderr only the end is to be had; little is ever written there.
    void child.exited.then(() => {
      const last = child.stderrTail();
      if (last !== '') this.#log.write(Buffer.from(last));
    });
    try {
      this.#port = (await this.#becomesReady(child)) ?? this.#port;
      return child;
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  #spawn(): Child {
    const { spec, env, natsUrl } = this.#options;
    try {
      return spawnChild({
        command: process.execPath,
        args: [entryOf(spec.name)],
        env: { ...environmentOf(env, { natsUrl, port: this.#port }) },
        stdout: 'pipe',
        ipc: true,
        detached: true,
      });
    } catch (error) {
      if (!(error instanceof SubprocessError)) throw error;
      throw new DevError(`${spec.name} cannot be started: ${error.message}.`, { cause: error });
    }
  }

  /** The port that the service tells, if any. */
  async #becomesReady(child: Child): Promise<number | undefined> {
    const { spec } = this.#options;
    const told = Promise.withResolvers<number | undefined>();
    child.onMessage((message) => {
      const { type, port, code, message: reason } = fieldsOf(message);
      if (type === 'ready') told.resolve(typeof port === 'number' ? port : undefined);
      if (type === 'failed') told.reject(this.#startFailure(String(code), String(reason)));
    });
    void child.exited.then((exit) => {
      told.reject(
        this.#isStopping ? new DevError(`${spec.name} was stopped.`) : this.#earlyEnd(describeExit(exit), child),
      );
    });
    const alarm = setTimeout(() => {
      told.reject(new DevError(`${spec.name} was not ready within ${spec.readyWithinMs / 1_000} s. ${this.#seeLog()}`));
    }, spec.readyWithinMs);
    return told.promise.finally(() => clearTimeout(alarm));
  }

  #startFailure(code: string, reason: string): DevError {
    const { name } = this.#options.spec;
    if (code !== 'port_taken') return new DevError(`${name} cannot start: ${reason}`);
    return new DevError(
      `Port ${this.#port}, for ${name}, is taken by another process. ` +
        'Choose other ports with --port-base, for instance --port-base 9080; --port-base 0 takes any free ones.',
    );
  }

  #earlyEnd(how: string, child: Child): DevError {
    const last = child.stderrTail().trim();
    const words = last === '' ? (this.#lastWords() ?? '') : `\n${last.split('\n').slice(-12).join('\n')}\n`;
    return new DevError(`${this.#options.spec.name} ended (${how}) before it was ready: ${words} ${this.#seeLog()}`);
  }

  #lastWords(): string | undefined {
    return lastWords(this.#options.logs.tail(this.#options.spec.name, 50));
  }

  #seeLog(): string {
    return `Its log: ${this.#options.logs.pathOf(this.#options.spec.name)}`;
  }
}

function fieldsOf(message: unknown): Readonly<Record<string, unknown>> {
  return typeof message === 'object' && message !== null ? { ...message } : {};
}
