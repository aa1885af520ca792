/**
 * The breakers of all routes: one for each registered processor, fed by the settlement feed.
 *
 *   A1  While a breaker is open its route gets nothing. Half-open, this orchestrator has at most its share of `trialCalls` tasks
 *       outstanding there: shared among the live orchestrators, and at least one each.
 *   A2  State lives as long as the orchestrator and the processor's registration. Who starts anew learns with the first failures.
 *   A3  A reset reaches every orchestrator that is connected (see resets.ts).
 */
import type { EventLog } from '@frame-buffer/jetstream';
import type { Settlement } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { CreditWatcher } from '../credit/credit.ts';
import type { Credits } from '../credit/credits.ts';
import type { Routes } from '../routes/routes.ts';
import { findingsOf } from './findings.ts';
import type { BreakerSettings, BreakerState } from './machine.ts';
import type { BreakerMetrics } from './metrics.ts';
import { type BreakerView, RouteBreaker } from './route-breaker.ts';

export interface RouteBreakersOptions {
  readonly settings: BreakerSettings;
  readonly routes: Pick<Routes, 'admit' | 'registered' | 'table'>;
  readonly credits: Credits;
  readonly events: Pick<EventLog, 'record'>;
  readonly log: Logger;
  readonly metrics: BreakerMetrics;
  /** This orchestrator's instance. */
  readonly self: string;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface Entry {
  readonly breaker: RouteBreaker;
  /** Ends the watching of its credit, while it is half-open. */
  unwatch: () => void;
}

const ADMISSION = { closed: 'all', open: 'none', halfOpen: 'trials' } as const;

export class RouteBreakers {
  readonly #options: RouteBreakersOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: RouteBreakersOptions) {
    this.#options = options;
    this.follow();
  }

  /** Processors or orchestrators may have come or gone. */
  follow(): void {
    const registered = this.#options.routes.registered();
    for (const processor of registered) if (!this.#entries.has(processor)) this.#open(processor);
    for (const [processor, entry] of this.#entries) {
      if (!registered.has(processor)) this.#close(processor, entry);
      else if (entry.breaker.state === 'halfOpen') this.#options.credits.of(processor).limit(this.#share);
    }
  }

  /** One message of the feed. */
  settled(settlement: Settlement): void {
    for (const finding of findingsOf(settlement)) this.#entries.get(finding.processor)?.breaker.found(finding);
  }

  /** Undefined for a processor that is not registered. */
  view(processor: string): BreakerView | undefined {
    return this.#entries.get(processor)?.breaker.view;
  }

  views(): BreakerView[] {
    return Array.from(this.#entries.values(), ({ breaker }) => breaker.view);
  }

  /** `closed` for whom nothing is known of. */
  stateOf(processor: string): BreakerState {
    return this.#entries.get(processor)?.breaker.state ?? 'closed';
  }

  *states(): Generator<readonly [processor: string, state: BreakerState]> {
    for (const [processor, { breaker }] of this.#entries) yield [processor, breaker.state];
  }

  reset(processor: string): void {
    this.#entries.get(processor)?.breaker.reset();
  }

  async stop(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(({ breaker }) => breaker.stop()));
  }

  get #share(): number {
    const { settings, routes } = this.#options;
    return Math.max(1, Math.floor(settings.trialCalls / routes.table.peers));
  }

  #open(processor: string): void {
    const { settings, events, log, self, now, credits } = this.#options;
    const breaker = new RouteBreaker({
      processor,
      settings,
      events,
      log,
      by: self,
      now,
      outstanding: () => credits.of(processor).outstanding,
      onChange: (state) => this.#changed(processor, state),
    });
    this.#entries.set(processor, { breaker, unwatch: () => {} });
  }

  #close(processor: string, entry: Entry): void {
    this.#entries.delete(processor);
    entry.unwatch();
    void entry.breaker.stop();
    this.#options.routes.admit(processor, 'all');
  }

  #changed(processor: string, state: BreakerState): void {
    const entry = this.#entries.get(processor);
    if (entry === undefined) return;
    const { credits, routes, metrics } = this.#options;
    metrics.changed(processor, state);
    const credit = credits.of(processor);
    entry.unwatch();
    entry.unwatch = () => {};
    if (state === 'halfOpen') {
      const watcher = watchDispatches(credit, (tasks) => entry.breaker.dispatched(tasks));
      credit.watch(watcher, 0);
      entry.unwatch = () => credit.unwatch(watcher);
    }
    credit.limit(state === 'halfOpen' ? this.#share : Number.POSITIVE_INFINITY);
    routes.admit(processor, ADMISSION[state]);
  }
}

/** Hears of what is dispatched by the credit that it takes. */
function watchDispatches(
  credit: { readonly outstanding: number },
  onDispatched: (tasks: number) => void,
): CreditWatcher {
  let known = credit.outstanding;
  return {
    creditChanged: () => {
      const more = credit.outstanding - known;
      known = credit.outstanding;
      if (more > 0) onDispatched(more);
    },
  };
}
