/**
 * The entrance: `createProcessor` checks what it is given and connects nothing; `run` or `start` does.
 *
 *   idle ── start ──▶ starting ── ready ──▶ running ── drain ──▶ draining ──▶ ended
 *                        └── drain, or a fault ───────────────────────────────┘
 *
 * A processor is started once. Another start, after a crash or in another process, registers again, which is harmless.
 */
import { FrameBufferError } from '@frame-buffer/protocol';
import { type Environment, resolveEnvironment, type Settings } from './environment.ts';
import { type DrainReport, Instance } from './instance.ts';
import { type ProcessorOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { runProcess } from './run.ts';
import { newCounters, type ProcessorStats } from './stats.ts';

export interface Processor {
  readonly name: string;
  /**
   * Owns the process: starts, drains on SIGTERM, SIGINT or the end of the parent that it has an IPC channel to, and resolves
   * when drained. The same signal a second time ends the process at once. Pass `process.env`: FRAME_BUFFER_NATS_URL, _INSTANCE, _CONCURRENCY, _LOG_LEVEL and _SHUTDOWN_MS win over
   * options. Rejects as `start` does, and with `registration_rejected` when the registry refuses it later.
   */
  run(env?: Environment): Promise<void>;
  /**
   * Starts inside a program that has its own way of ending. Resolves when ready; waits for broker and registry as long as it
   * takes. Rejects with `invalid_environment`, `registration_rejected`, `already_started`, or `stopped` when drained first.
   */
  start(env?: Environment): Promise<void>;
  /**
   * Stops taking work, gives back what has not begun, finishes what has, and closes. Idempotent; never rejects. Bounded by
   * `drainMs` and a few seconds.
   */
  drain(): Promise<DrainReport>;
  /** Resolves when drained; rejects when the instance could not go on, once it has drained. */
  readonly ended: Promise<DrainReport>;
  /** Closes the instance's breaker, whatever its state: what failed before is forgotten. Without effect before the start. */
  resetBreaker(): void;
  /** A snapshot. */
  stats(): ProcessorStats;
}

const NOTHING_BEGUN: DrainReport = { givenBack: 0, abandonedCalls: 0 };

/** Throws `invalid_processor_options` with every fault of the options. */
export function createProcessor(options: ProcessorOptions): Processor {
  return new OneProcessor(resolveOptions(options));
}

class OneProcessor implements Processor {
  readonly name: string;
  readonly ended: Promise<DrainReport>;
  readonly #options: ResolvedOptions;
  readonly #counters = newCounters();
  readonly #stop = new AbortController();
  readonly #end = Promise.withResolvers<DrainReport>();
  #settings: Settings | undefined;
  #starting: Promise<Instance> | undefined;
  #instance: Instance | undefined;
  #draining: Promise<DrainReport> | undefined;

  constructor(options: ResolvedOptions) {
    this.name = options.name;
    this.#options = options;
    this.ended = this.#end.promise;
    // Whoever does not look at `ended` must not crash of it.
    this.ended.catch(() => undefined);
  }

  async run(env: Environment = {}): Promise<void> {
    await runProcess(this, env);
  }

  async start(env: Environment = {}): Promise<void> {
    if (this.#starting !== undefined) throw new FrameBufferError('already_started', 'a processor is started once');
    const settings = resolveEnvironment(this.#options, env);
    this.#settings = settings;
    this.#starting = Instance.start({
      settings,
      counters: this.#counters,
      signal: this.#stop.signal,
      onFailed: (error) => this.#fail(error),
    });
    this.#instance = await this.#starting;
    settings.logger.info('processor.ready', { instance: settings.instance, concurrency: settings.concurrency });
  }

  drain(): Promise<DrainReport> {
    this.#draining ??= this.#drain();
    void this.#draining.then(this.#end.resolve);
    return this.#draining;
  }

  resetBreaker(): void {
    this.#instance?.resetBreaker();
  }

  stats(): ProcessorStats {
    const { breaker, condition = 'ok' } = this.#instance ?? {};
    return { ...this.#counters, breaker, condition };
  }

  async #drain(): Promise<DrainReport> {
    this.#stop.abort(new FrameBufferError('stopped', 'drained before it was ready'));
    // A start that fails has cleaned up behind itself, and has told its caller.
    const instance = await this.#starting?.catch(() => undefined);
    return instance?.drain(this.#settings?.drainMs ?? this.#options.drainMs) ?? NOTHING_BEGUN;
  }

  #fail(error: unknown): void {
    this.#settings?.logger.fatal('processor.failed', { error });
    this.#draining ??= this.#drain();
    void this.#draining.then(() => this.#end.reject(error));
  }
}
