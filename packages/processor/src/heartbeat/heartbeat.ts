/**
 * The heartbeat of an instance, from a thread of its own: a handler that blocks the event loop makes it busy, not dead.
 *
 *   H1  A thread that dies is started again.
 *   H2  Where the thread's file is not to be found (a bundle without it) the main thread beats, and the log says so.
 *
 * In the sources the file is `heartbeat.worker.ts` beside this one; in a bundle it is `heartbeat.worker.mjs` beside the bundle.
 */
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Logger } from '@frame-buffer/telemetry';
import { doneWithin } from '../pause.ts';
import { Beat, type BeatOptions, type BeatReport } from './beat.ts';
import type { Command } from './heartbeat.worker.ts';
import { type Signs, Vitals, WRITE_EVERY_MS } from './vitals.ts';

const RESTART_MS = 500;
const STOP_MS = 3_000;

export interface HeartbeatOptions extends Omit<BeatOptions, 'memory' | 'startedAt'> {
  readonly signs: () => Omit<Signs, 'isDraining'>;
  readonly log: Logger;
}

/** Says the commands to whoever beats. */
interface Beater {
  say(command: Command): void;
  readonly ended: Promise<void>;
  terminate(): void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #beatOptions: BeatOptions;
  readonly #vitals = new Vitals();
  readonly #writing: NodeJS.Timeout;
  readonly #first = Promise.withResolvers<void>();
  #beater: Beater;
  #isDraining = false;
  #isStopping = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    const { natsUrl, name, instance } = options;
    this.#write();
    this.#writing = setInterval(() => this.#write(), WRITE_EVERY_MS);
    this.#beatOptions = { natsUrl, name, instance, startedAt: new Date().toISOString(), memory: this.#vitals.memory };
    this.#beater = this.#start(workerFile());
  }

  /** Resolves when the first beat is stored. */
  get firstBeat(): Promise<void> {
    return this.#first.promise;
  }

  /** Tells at once that this instance takes no more work. */
  drain(): void {
    this.#isDraining = true;
    this.beatNow();
  }

  /** Tells a change at once. */
  beatNow(): void {
    this.#write();
    this.#beater.say('beat');
  }

  /** Removes the key. Bounded; never rejects. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#writing);
    this.#beater.say('stop');
    await doneWithin(STOP_MS, this.#beater.ended);
    this.#beater.terminate();
  }

  #write(): void {
    this.#vitals.write({ ...this.#options.signs(), isDraining: this.#isDraining });
  }

  #start(file: URL | undefined): Beater {
    if (file !== undefined) return this.#startThread(file);
    this.#options.log.warn('heartbeat.onMainThread', { detail: 'no heartbeat.worker.mjs beside the bundle' });
    const beat = new Beat(this.#beatOptions, (report) => this.#reported(report));
    const ended = Promise.withResolvers<void>();
    return {
      say: (command) => (command === 'beat' ? beat.now() : void beat.stop().then(ended.resolve)),
      ended: ended.promise,
      terminate: () => {},
    };
  }

  #startThread(file: URL): Beater {
    const ended = Promise.withResolvers<void>();
    const thread = new Worker(file, { workerData: this.#beatOptions, execArgv: [], name: 'heartbeat' });
    thread.on('message', (report: BeatReport) => this.#reported(report));
    thread.on('error', (error) => this.#options.log.error('heartbeat.died', { error }));
    thread.once('exit', () => {
      ended.resolve();
      if (!this.#isStopping) setTimeout(() => this.#restart(file), RESTART_MS);
    });
    return {
      say: (command) => thread.postMessage(command),
      ended: ended.promise,
      terminate: () => void thread.terminate(),
    };
  }

  #restart(file: URL): void {
    if (!this.#isStopping) this.#beater = this.#startThread(file);
  }

  #reported(report: BeatReport): void {
    const { log } = this.#options;
    if (report.type === 'failing') {
      log.warn('heartbeat.failing', { detail: report.detail });
      return;
    }
    log.debug('heartbeat.beating');
    this.#first.resolve();
  }
}

function workerFile(): URL | undefined {
  const candidates = [
    new URL('./heartbeat.worker.mjs', import.meta.url),
    new URL('./heartbeat.worker.ts', import.meta.url),
  ];
  return candidates.find((url) => existsSync(url));
}
