/**
 * The states of a service's process, and what ends it.
 *
 *   starting ──▶ running ──▶ stopping ──▶ exit 0 (1 when the bound passed or stopping failed)
 *      └───────────┴── error nobody caught ──▶ exit 1
 *
 *   P2  SIGTERM, SIGINT and the loss of an IPC parent stop the service once. Readiness fails first, then `stop()` of the service runs, then
 *       HTTP ends: health and metrics are there while it drains.
 *   P3  A stop takes `FRAME_BUFFER_SHUTDOWN_MS` at most, then the process exits with 1.
 *   P4  The same signal again ends the process at once, unless it follows within 250 ms: a Ctrl-C reaches a process twice when npm passes it
 *       on. SIGTERM after SIGINT is no repetition: it is what a launcher sends after the terminal has signalled the whole group.
 *   P5  An uncaught exception or unhandled rejection is logged as fatal, exit 1, without draining: what is not acknowledged is redelivered.
 *   P6  An IPC parent is told `ready` with the port, or `failed` with the reason; without its parent the service does not live on.
 */
import type { Logger } from '@frame-buffer/telemetry';
import type { ReadinessCheck } from './health.ts';
import type { HttpServer } from './http.ts';
import { exitCode, forceExitAfterMs, type ParentMessage, printError, tellParent } from './process.ts';

export interface RunningService {
  /** Drains: takes nothing new, finishes what is in hand, closes connections. Called once. */
  stop(): Promise<void>;
}

/** Takes over an HTTP server that listens: it is closed last. */
export type AdoptHttp = (server: HttpServer, address: { readonly port: number }) => { readonly port: number };

/** How long a start that does not heed its signal may hold up a stop. */
const abandonedStartMs = 1_000;

export class Lifecycle {
  readonly #process: NodeJS.Process;
  readonly #log: Logger;
  readonly #shutdownMs: number;
  readonly #abort = new AbortController();
  /** Set once, by the first reason to stop. */
  #stopping: { readonly signal: string; readonly since: number } | undefined;
  #starting: Promise<RunningService> | undefined;
  #ready = false;
  #http: HttpServer | undefined;
  #port: number | undefined;

  constructor(process: NodeJS.Process, log: Logger, shutdownMs: number) {
    this.#process = process;
    this.#log = log;
    this.#shutdownMs = shutdownMs;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  readonly started: ReadinessCheck = { name: 'started', check: () => this.#ready || 'the service is starting' };

  watch(): void {
    const process = this.#process;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onSignal(signal));
    process.on('disconnect', () => this.stop('parent gone'));
    // Also covers rejections that nobody handles: Node raises them as exceptions of that origin.
    process.on('uncaughtException', (error, origin) => this.crash(error, origin));
    if (process.connected === false) this.stop('parent gone');
  }

  /** Starts the service and reports it ready. Ends the process when that fails. */
  async run(service: string, start: (adopt: AdoptHttp) => Promise<RunningService>): Promise<void> {
    const began = performance.now();
    this.#starting = start((server, address) => {
      this.#http = server;
      this.#port = address.port;
      if (this.#stopping !== undefined) server.drain();
      return address;
    });
    try {
      await this.#starting;
    } catch (error) {
      if (this.#stopping === undefined) await this.#fail(service, error);
      else this.#log.debug('service.startAbandoned', { error });
      return;
    }
    if (this.#stopping !== undefined) return;
    this.#ready = true;
    const at = this.#port === undefined ? {} : { port: this.#port };
    this.#log.info('service.ready', { ...at, took_ms: Math.round(performance.now() - began) });
    await tellParent(this.#process, { type: 'ready', service, ...at });
  }

  /** Stops once; every further call changes nothing. */
  stop(reason: string): void {
    if (this.#stopping !== undefined) return;
    this.#stopping = { signal: reason, since: performance.now() };
    this.#log.info('service.stopping', { reason, bound_ms: this.#shutdownMs });
    setTimeout(() => {
      this.#log.error('service.stopTimedOut', { bound_ms: this.#shutdownMs });
      this.#process.exit(exitCode.failed);
    }, this.#shutdownMs);
    this.#http?.drain();
    this.#abort.abort(new Error(`the service stops: ${reason}`));
    void this.#finish();
  }

  crash(error: unknown, origin: string): void {
    this.#log.fatal('service.crashed', { error, origin });
    this.#process.exit(exitCode.failed);
  }

  async #finish(): Promise<void> {
    const began = performance.now();
    try {
      const running = await this.#startedOrAbandoned();
      await running?.stop();
      await this.#http?.close();
      this.#log.info('service.stopped', { took_ms: Math.round(performance.now() - began) });
      this.#process.exit(exitCode.stopped);
    } catch (error) {
      this.#log.error('service.stopFailed', { error });
      this.#process.exit(exitCode.failed);
    }
  }

  /** The service, or undefined when its start failed or does not heed the signal. */
  async #startedOrAbandoned(): Promise<RunningService | undefined> {
    const abandoned = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => abandoned.resolve(undefined), abandonedStartMs);
    try {
      return await Promise.race([this.#starting, abandoned.promise]);
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  #onSignal(signal: NodeJS.Signals): void {
    const first = this.#stopping;
    if (first === undefined) {
      this.stop(signal);
      return;
    }
    if (first.signal !== signal || performance.now() - first.since < forceExitAfterMs) return;
    this.#log.warn('service.stopForced', { signal });
    this.#process.exit(signal === 'SIGINT' ? exitCode.interrupted : exitCode.terminated);
  }

  async #fail(service: string, error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    const code = (error as { code?: unknown } | null)?.code;
    const told: ParentMessage = {
      type: 'failed',
      service,
      code: typeof code === 'string' ? code : 'internal',
      message,
    };
    this.#log.fatal('service.startFailed', { error });
    printError(`${service}: ${message}\n`);
    await tellParent(this.#process, told);
    this.#process.exit(exitCode.failed);
  }
}
