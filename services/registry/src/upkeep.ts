/**
 * Work that must get done in the end, whatever the broker does meanwhile.
 *
 *   U1  One piece of work runs at a time, in the order of its request.
 *   U2  A key is pending at most once; a request that comes while its work runs makes it run once more, with the newest work.
 *   U3  Work that fails is tried again, after a delay that doubles up to a bound, until it succeeds; others do not wait for it.
 *   U4  While paused nothing begins. Work in hand at a pause is given up, since its answer may never come, and begins anew
 *       afterwards: whatever is done here may be done twice.
 *   U5  A promise of `request` resolves when a run that began after the request has succeeded, or when the upkeep is stopped.
 */

export interface UpkeepOptions {
  /** Told of each failure; the next attempt follows after `retryInMs`. */
  readonly onFailure: (failure: { key: string; error: unknown; attempt: number; retryInMs: number }) => void;
  /** Milliseconds before the second attempt; default 250. */
  readonly firstDelayMs?: number;
  /** Milliseconds between attempts at most; default 5000. */
  readonly maxDelayMs?: number;
}

interface Job {
  readonly key: string;
  work: () => Promise<unknown>;
  /** Those whose request came before the run that is to begin. */
  waiting: (() => void)[];
  failures: number;
  /** By the monotonic clock. */
  dueAt: number;
}

const INTERRUPTED = Symbol('interrupted');

export class Upkeep {
  readonly #options: Required<UpkeepOptions>;
  readonly #jobs = new Map<string, Job>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** Resolves when the present run has to give up. */
  #interruption = Promise.withResolvers<typeof INTERRUPTED>();
  #paused = false;
  #stopped = false;

  constructor(options: UpkeepOptions) {
    this.#options = { firstDelayMs: 250, maxDelayMs: 5_000, ...options };
  }

  request(key: string, work: () => Promise<unknown>): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    const job = this.#jobs.get(key) ?? { key, work, waiting: [], failures: 0, dueAt: 0 };
    job.work = work;
    job.dueAt = 0;
    const done = new Promise<void>((resolve) => job.waiting.push(resolve));
    this.#jobs.set(key, job);
    this.#run();
    return done;
  }

  pause(): void {
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#interruption.resolve(INTERRUPTED);
  }

  /** Goes on, at once also with what waits for its next attempt: something has changed for the better. */
  resume(): void {
    this.#paused = false;
    for (const job of this.#jobs.values()) job.dueAt = 0;
    this.#run();
  }

  /** Keys that are not done yet. */
  get pending(): readonly string[] {
    return [...this.#jobs.keys()];
  }

  /** Gives up what is in hand and what is pending. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.pause();
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    for (const job of jobs) release(job.waiting);
    await this.#running;
  }

  #run(): void {
    if (this.#running !== undefined || this.#paused || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#interruption = Promise.withResolvers();
    this.#running = this.#drain().finally(() => {
      this.#running = undefined;
      this.#schedule();
    });
  }

  async #drain(): Promise<void> {
    for (let job = this.#nextDue(); job !== undefined; job = this.#nextDue()) await this.#attempt(job);
  }

  #nextDue(): Job | undefined {
    if (this.#stopped || this.#paused) return undefined;
    const now = performance.now();
    for (const job of this.#jobs.values()) if (job.dueAt <= now) return job;
    return undefined;
  }

  async #attempt(job: Job): Promise<void> {
    const { waiting } = job;
    job.waiting = [];
    this.#jobs.delete(job.key);
    try {
      const ended = await Promise.race([job.work(), this.#interruption.promise]);
      if (ended === INTERRUPTED) this.#putBack(job, waiting, 0);
      else release(waiting);
    } catch (error) {
      const attempt = job.failures + 1;
      const retryInMs = this.#delayMs(attempt);
      job.failures = attempt;
      this.#putBack(job, waiting, retryInMs);
      if (!this.#stopped) this.#options.onFailure({ key: job.key, error, attempt, retryInMs });
    }
  }

  #putBack(job: Job, waiting: (() => void)[], delayMs: number): void {
    if (this.#stopped) {
      release(waiting);
      return;
    }
    // A request that came meanwhile has newer work; those who wait for the failed run are served by it, too.
    const next = this.#jobs.get(job.key) ?? job;
    next.waiting = [...waiting, ...next.waiting];
    next.failures = job.failures;
    next.dueAt = performance.now() + delayMs;
    this.#jobs.set(job.key, next);
  }

  #delayMs(attempt: number): number {
    const { firstDelayMs, maxDelayMs } = this.#options;
    const whole = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
    return Math.round(whole * (0.75 + Math.random() / 4));
  }

  #schedule(): void {
    if (this.#stopped || this.#paused || this.#jobs.size === 0 || this.#running !== undefined) return;
    const earliest = Math.min(...[...this.#jobs.values()].map(({ dueAt }) => dueAt));
    this.#timer = setTimeout(() => this.#run(), Math.max(0, earliest - performance.now()));
  }
}

function release(waiting: readonly (() => void)[]): void {
  for (const resolve of waiting) resolve();
}
