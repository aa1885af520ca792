/**
 * One run of `frame-buffer dev`.
 *
 *   starting ──▶ running ── Ctrl-C, or --for is over ──▶ draining ──▶ stopped: 0, or 1 when a task of this run is not accounted for
 *      ├── a part cannot start ──▶ stopped: 1
 *      └── Ctrl-C ──▶ stopped: 130           anywhere: a second Ctrl-C ──▶ all killed: 130
 *
 *   U1  When it resolves, no process that it started is left; when this process dies in the middle, neither.
 *   U2  With `json` stdout holds one line, at the end, whenever there was a ledger to be had.
 */

import { DEMO_CAPABILITIES } from './camera-option.ts';
import { putCameras, readCameras } from './cameras.ts';
import { drain } from './drain.ts';
import { DevError } from './errors.ts';
import { Interrupts, type SignalSource } from './interrupts.ts';
import { readFreshLedger } from './ledger.ts';
import { RunLogs } from './logs.ts';
import { Narrator } from './narrator.ts';
import { Observer } from './observer.ts';
import type { DevOptions } from './options.ts';
import { OutputLines } from './output-lines.ts';
import { pause } from './pause.ts';
import type { Environment } from './processes.ts';
import { failureOf, reportOf, summaryLines } from './report.ts';
import { Results } from './results.ts';
import { System } from './system.ts';
import { type Output, Screen } from './view/screen.ts';
import type { Snapshot } from './view/snapshot.ts';
import { welcomeLines } from './welcome.ts';

/** The process around the run. */
export interface World {
  readonly env: Environment;
  readonly pid: number;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signals: SignalSource;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** Called just before the process ends, however it ends by itself. */
  readonly onExit: (listener: () => void) => void;
}

const EXIT = { accounted: 0, failed: 1, interrupted: 130 } as const;
const LOOK_EVERY_MS = 1_000;
/** Cameras that stream by then are reported as such; others, which may need longer, as what they are. */
const FIRST_PICTURES_WITHIN_MS = 6_000;

/** Resolves with the exit code. Does not reject for what people can mend. */
export async function runDev(options: DevOptions, world: World): Promise<number> {
  const screen = new Screen(options.json ? world.stderr : world.stdout, { hasColours: !world.env['NO_COLOR'] });
  world.onExit(() => screen.close());
  const narrator = new Narrator(screen);
  let run: Run | undefined;
  const interrupts = new Interrupts(world.signals, () => {
    run?.system.kill();
    screen.close();
    world.exit(EXIT.interrupted);
  });
  try {
    run = new Run(options, world, { screen, narrator, interrupted: interrupts.first });
    return await run.live();
  } catch (error) {
    narrator.fail(error instanceof DevError ? error.message : `this should not happen: ${describe(error)}`);
    return error instanceof DevError ? error.exitCode : EXIT.failed;
  }
}

interface Surroundings {
  readonly screen: Screen;
  readonly narrator: Narrator;
  readonly interrupted: AbortSignal;
}

class Run {
  readonly system: System;
  readonly #options: DevOptions;
  readonly #world: World;
  readonly #around: Surroundings;
  readonly #logs: RunLogs;

  constructor(options: DevOptions, world: World, around: Surroundings) {
    const { screen, narrator } = around;
    const output = options.verbose ? new OutputLines(world.stderr, screen) : undefined;
    this.#options = options;
    this.#world = world;
    this.#around = around;
    this.#logs = makeLogs(options.dataDir);
    this.system = new System({
      dev: options,
      env: world.env,
      logs: this.#logs,
      onOutput: output === undefined ? undefined : (name, chunk) => output.write(name, chunk),
      onEvent: (event) => narrator.event(event),
      onStart: (step) => narrator.started(step),
    });
  }

  async live(): Promise<number> {
    let results: Results | undefined;
    try {
      await this.#startBroker();
      results = await Results.follow(this.system.natsUrl, `frame-buffer-dev-${this.#world.pid}`);
      if (!(await this.#startServices())) return EXIT.interrupted;
      return await this.#work(new Observer(this.system, results));
    } finally {
      await results?.close();
      await this.system.stop();
      this.#logs.close();
    }
  }

  async #startBroker(): Promise<void> {
    try {
      await this.system.startBroker();
    } catch (error) {
      // Of a run that changed nothing, such as a second one on the same folder, nothing is left.
      this.#logs.discard();
      throw error;
    }
    this.#logs.prune();
  }

  /** False when it was interrupted; then nothing runs but the broker, if that. */
  async #startServices(): Promise<boolean> {
    const { narrator, interrupted } = this.#around;
    const giveUp = () => {
      narrator.say('stopping');
      void this.system.stop();
    };
    interrupted.addEventListener('abort', giveUp);
    try {
      await this.system.startServices(interrupted);
      if (!interrupted.aborted) await this.#startCameras();
    } catch (error) {
      // Parts that are stopped while they start say so.
      if (!interrupted.aborted) throw error;
    } finally {
      interrupted.removeEventListener('abort', giveUp);
    }
    return !interrupted.aborted;
  }

  async #startCameras(): Promise<void> {
    const { narrator, interrupted } = this.#around;
    const { cameras } = this.#options;
    const gateway = this.system.urlOf('capture-gateway');
    narrator.begin('cameras', 'waiting for the first pictures');
    await putCameras(gateway, cameras);
    const deadline = performance.now() + FIRST_PICTURES_WITHIN_MS;
    let known = await readCameras(gateway);
    const isStreaming = (wanted: string) => known.some(({ name, state }) => name === wanted && state === 'streaming');
    while (!cameras.every(({ name }) => isStreaming(name)) && performance.now() < deadline && !interrupted.aborted) {
      await pause(100, interrupted);
      known = await readCameras(gateway);
    }
    narrator.cameras(known);
  }

  /** From readiness to the end of the drain. */
  async #work(observer: Observer): Promise<number> {
    const { narrator, interrupted, screen } = this.#around;
    const { forMs, cameras, dataDir } = this.#options;
    const { system } = this;
    const places = { urlOf: (name: Parameters<System['urlOf']>[0]) => system.urlOf(name), natsUrl: system.natsUrl };
    const [camera] = cameras.map(({ name }) => name);
    narrator.say(...welcomeLines({ ...places, dataDir, logFolder: this.#logs.folder, camera }, screen.style));

    const readyAt = performance.now();
    let phase: Snapshot['phase'] = 'running';
    const show = () => {
      const elapsedMs = performance.now() - readyAt;
      const remainingMs = forMs === undefined || phase !== 'running' ? undefined : Math.max(0, forMs - elapsedMs);
      narrator.show(observer.snapshot({ phase, elapsedMs, remainingMs }));
    };
    const ended = new AbortController();
    const watching = this.#watch(observer, show, ended.signal);

    await (forMs === undefined ? onceAborted(interrupted) : pause(forMs, interrupted));
    phase = 'draining';
    show();
    const { capturingMs } = system;
    await system.stopCapturing();
    observer.captureEnded();
    const outcome = await drain({
      ask: () => readFreshLedger(system.urlOf('health-monitor'), system.runStartMs),
      onProgress: (open) => narrator.draining(open),
    });
    ended.abort();
    await watching;
    // What stays on the terminal is the end.
    phase = 'ended';
    if (screen.isLive) await observer.look();
    if (screen.isLive) show();
    narrator.end();

    return this.#conclude(observer, { outcome, capturingMs, runMs: performance.now() - readyAt });
  }

  #conclude(
    observer: Observer,
    { outcome, capturingMs, runMs }: { outcome: Awaited<ReturnType<typeof drain>>; capturingMs: number; runMs: number },
  ): number {
    const { narrator, screen } = this.#around;
    const asked = new Map(observer.cameras.map(({ name, capabilities }) => [name, capabilities]));
    const tasksPerFrame = (name: string) => asked.get(name) ?? DEMO_CAPABILITIES.length;
    const report = reportOf({ outcome, capturingMs, tasksPerFrame });
    if (report !== undefined) {
      narrator.say('', ...summaryLines(report, runMs), `logs: ${this.#logs.folder}`);
      if (this.#options.json) this.#world.stdout.write(`${JSON.stringify(report)}\n`);
    }
    const failure = failureOf({ outcome });
    if (failure === undefined) return EXIT.accounted;
    this.#world.stderr.write(`${screen.style.red('frame-buffer dev:')} ${failure}\n`);
    return EXIT.failed;
  }

  /** Looks and shows until the signal is aborted. */
  async #watch(observer: Observer, show: () => void, ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      await observer.look();
      if (!ended.aborted) show();
      await pause(LOOK_EVERY_MS, ended);
    }
  }
}

function makeLogs(dataDir: string): RunLogs {
  try {
    return new RunLogs(dataDir, new Date());
  } catch (error) {
    throw new DevError(
      `The data folder ${dataDir} cannot be used: ${describe(error)}. Choose another one with --data.`,
      { cause: error },
    );
  }
}

function onceAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
