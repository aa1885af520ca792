/**
 * The breaker of one route: keeps work away from a processor that fails as a whole.
 *
 *   R1  It sees what the settlement feed says and nothing else, so every orchestrator comes to the same end by itself.
 *   R2  A call is the working of a task by the processor, whoever dispatched it; it began when its result came, less the time
 *       it took. What began in an earlier era changes nothing (B5 of the machine).
 *   R3  Closed, a message with successes and failures begins a new run of failures, which that message alone cannot complete:
 *       its order is not known.
 *   R4  Half-open, one failure in a message reopens, whatever else it says. All other results are trials, as are the tasks that
 *       this orchestrator has outstanding: silent, they reopen it after `trialMs`.
 *   R5  Frames are no events: while nothing fails no actor exists, and then it hears of runs.
 *
 * closed ── failuresToOpen ──▶ open ── recoveryMs ──▶ halfOpen ── successesToClose ──▶ closed (see packages/actors)
 */
import type { EventLog } from '@frame-buffer/jetstream';
import type { Logger } from '@frame-buffer/telemetry';
import type { Finding } from './findings.ts';
import {
  admissible,
  type BreakerSettings,
  type BreakerState,
  breakerMachine,
  type HostedActor,
  hostActor,
} from './machine.ts';
import { RunOfFailures } from './run-of-failures.ts';

export interface RouteBreakerOptions {
  readonly processor: string;
  readonly settings: BreakerSettings;
  readonly events: Pick<EventLog, 'record'>;
  readonly log: Logger;
  /** This orchestrator's instance. */
  readonly by: string;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Tasks that this orchestrator has outstanding at the processor. */
  readonly outstanding: () => number;
  readonly onChange: (state: BreakerState) => void;
}

export interface BreakerView {
  readonly processor: string;
  readonly state: BreakerState;
  /** When it came into its state, ISO 8601; null while nothing has ever failed. */
  readonly since: string | null;
  readonly cause: string;
  /** In a row, while closed. */
  readonly failures: number;
  /** Successful trials in a row, while half-open. */
  readonly successes: number;
  /** Trials under way, as far as this orchestrator knows. */
  readonly trials: number;
}

type Hosted = HostedActor<typeof breakerMachine>;

export class RouteBreaker {
  readonly #options: RouteBreakerOptions;
  readonly #run = new RunOfFailures();
  #hosting: Promise<void> | undefined;
  #hosted: Hosted | undefined;
  #state: BreakerState = 'closed';
  #era = 0;
  #eraBeganAt = Number.NEGATIVE_INFINITY;
  #looking: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: RouteBreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  get view(): BreakerView {
    const { processor, now } = this.#options;
    const { since = null, cause = '', snapshot } = this.#hosted ?? {};
    const { successes = 0, trials = 0 } = snapshot?.context ?? {};
    return { processor, state: this.#state, since, cause, failures: this.#run.standing(now()), successes, trials };
  }

  /** The feed says this of the processor. */
  found(finding: Finding): void {
    if (this.#state === 'open') return;
    const now = this.#options.now();
    if (now - finding.serviceMs < this.#eraBeganAt) return;
    if (this.#state === 'closed') this.#count(finding, now);
    else this.#conclude(finding);
  }

  /** This orchestrator has dispatched so many tasks to it. */
  dispatched(tasks: number): void {
    if (this.#state !== 'halfOpen') return;
    this.#admit(tasks);
    this.#look();
  }

  /** Closes it, and forgets. */
  reset(): void {
    this.#run.forget();
    this.#hosted?.send({ type: 'breaker.reset' });
    this.#look();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#looking);
    await this.#hosting;
    await this.#hosted?.stop();
  }

  #count({ instance, succeeded, failed, serviceMs }: Finding, now: number): void {
    if (succeeded > 0) this.#run.succeeded(instance, serviceMs, now);
    const { failuresToOpen } = this.#options.settings;
    if (failed > 0) this.#run.failed(instance, succeeded > 0 ? Math.min(failed, failuresToOpen - 1) : failed);
    this.#report(succeeded > 0);
  }

  /** Tells the machine of the run as it stands. `isNew`: it began anew since the machine was told last. */
  #report(isNew: boolean): void {
    const now = this.#options.now();
    const standing = this.#run.standing(now);
    this.#lookAgainAt(this.#run.vouchedUntil(now), now);
    if (this.#hosted === undefined) {
      if (standing > 0) this.#hosting ??= this.#host();
      return;
    }
    if (isNew && this.#told > 0) this.#hosted.send({ type: 'call.succeeded' });
    const count = standing - this.#told;
    if (count > 0) this.#hosted.send({ type: 'call.failed', count, at: Date.now() });
    this.#look();
  }

  get #told(): number {
    return this.#hosted?.snapshot.context.failures ?? 0;
  }

  /** Failures that somebody vouched for stand when nobody does any more. */
  #lookAgainAt(at: number | undefined, now: number): void {
    clearTimeout(this.#looking);
    if (at === undefined) return;
    this.#looking = setTimeout(() => this.#state === 'closed' && this.#report(false), Math.ceil(at - now));
    this.#looking.unref();
  }

  #conclude({ succeeded, failed }: Finding): void {
    const { trialCalls } = this.#options.settings;
    const count = failed > 0 ? 1 : Math.min(succeeded, trialCalls);
    // Somebody else's trials are admitted here with their results.
    this.#admit(count - (this.#hosted?.snapshot.context.trials ?? 0));
    if (failed > 0) this.#hosted?.send({ type: 'call.failed', era: this.#era, at: Date.now() });
    else this.#hosted?.send({ type: 'call.succeeded', count, era: this.#era });
    this.#look();
  }

  #admit(tasks: number): void {
    const hosted = this.#hosted;
    if (hosted === undefined) return;
    const count = Math.min(tasks, admissible(hosted.snapshot));
    if (count > 0) hosted.send({ type: 'call.admitted', count, at: Date.now() });
  }

  async #host(): Promise<void> {
    const { processor, settings, events, log, by } = this.#options;
    const hosted = await hostActor({
      machine: breakerMachine,
      kind: 'route-breaker',
      id: processor,
      input: { settings },
      ports: {},
      events,
      log,
      by,
      // A timer's change is seen here alone, in the middle of the actor's step.
      onTransition: () => queueMicrotask(() => this.#look()),
    });
    if (this.#isStopped) return hosted.stop();
    this.#hosted = hosted;
    this.#report(false);
  }

  #look(): void {
    if (this.#hosted === undefined || this.#isStopped) return;
    const { value: state, context } = this.#hosted.snapshot;
    if (context.era === this.#era) return;
    const before = this.#state;
    this.#era = context.era;
    this.#eraBeganAt = this.#options.now();
    this.#state = state;
    this.#run.forget();
    clearTimeout(this.#looking);
    if (state === before) return;
    if (state === 'halfOpen') this.#admit(this.#options.outstanding());
    this.#options.onChange(state);
  }
}
