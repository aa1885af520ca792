/**
 * Keeps an instance from taking work that it would fail at: its breaker, its condition, and the gate that both may close.
 *
 *   breaker open ─┐
 *                 ├─▶ gate closed: nothing is pulled or begun, what has not begun is given away
 *   hung ─────────┘
 *
 * Changes are logged, and stand in EVENTS: of the breaker under `events.breaker.<id>`, of the condition under
 * `events.instance.<id>`; for the id see `instanceToken`.
 */
import type { EventLog } from '@frame-buffer/jetstream';
import type { Logger } from '@frame-buffer/telemetry';
import { type Breaker, hostBreaker, NO_BREAKER } from './breaker.ts';
import { type Condition, ConditionWatch } from './condition.ts';
import { Gate } from './gate.ts';
import { instanceToken } from './instance-token.ts';
import type { BreakerSettings, BreakerState } from './machine.ts';

export interface GuardOptions {
  readonly name: string;
  readonly instance: string;
  /** Undefined for none. */
  readonly breaker: BreakerSettings | undefined;
  readonly slowMs: number;
  readonly concurrency: number;
  readonly events: Pick<EventLog, 'record'>;
  readonly log: Logger;
}

/** Those who are told; all calls are synchronous. */
export interface Guarded {
  /** Calls that have timed out and go on. */
  overdue(): number;
  close(reason: string): void;
  open(): void;
  /** More may begin than a moment ago. */
  poke(): void;
  /** Breaker or condition have changed. */
  changed(): void;
}

export class Guard {
  readonly breaker: Breaker;
  readonly #options: GuardOptions;
  readonly #id: string;
  #guarded: Guarded | undefined;
  #gate: Gate | undefined;
  #watch: ConditionWatch | undefined;

  private constructor(options: GuardOptions, id: string, breaker: Breaker) {
    this.#options = options;
    this.#id = id;
    this.breaker = breaker;
  }

  static async host(options: GuardOptions): Promise<Guard> {
    const { name, instance, breaker: settings, events, log } = options;
    const id = instanceToken(name, instance);
    let guard: Guard | undefined;
    const onChange = (state: BreakerState) => {
      if (guard !== undefined) guard.#breakerChanged(state);
    };
    const breaker =
      settings === undefined ? NO_BREAKER : await hostBreaker({ settings, id, by: instance, events, log, onChange });
    guard = new Guard(options, id, breaker);
    return guard;
  }

  /** Before this nothing is watched. */
  watch(guarded: Guarded): void {
    const { slowMs, concurrency } = this.#options;
    this.#guarded = guarded;
    this.#gate = new Gate((closedFor) => (closedFor === undefined ? guarded.open() : guarded.close(closedFor)));
    this.#watch = new ConditionWatch({
      slowMs,
      hungAt: concurrency,
      overdue: () => guarded.overdue(),
      onChange: (...change) => this.#conditionChanged(...change),
    });
  }

  get condition(): Condition {
    return this.#watch?.condition ?? 'ok';
  }

  /** Messages that may be in hand: half-open, no more than could be trials. */
  get maxMessages(): number {
    return this.breaker.state === 'halfOpen' ? (this.#options.breaker?.trialCalls ?? Infinity) : Infinity;
  }

  /** A call took so long. */
  called(ms: number): void {
    this.#watch?.called(ms);
  }

  overdueChanged(): void {
    this.#watch?.look();
  }

  async stop(): Promise<void> {
    this.#watch?.stop();
    await this.breaker.stop();
  }

  #breakerChanged(state: BreakerState): void {
    this.#gate?.set('breaker_open', state === 'open');
    if (state !== 'open') this.#guarded?.poke();
    this.#guarded?.changed();
  }

  #conditionChanged(from: Condition, to: Condition, cause: string): void {
    const { log, events } = this.#options;
    log[to === 'ok' ? 'info' : 'warn']('condition.changed', { from, to, cause });
    events.record({ kind: 'instance', id: this.#id, event: 'condition.changed', from, to, cause });
    this.#gate?.set('hung', to === 'hung');
    this.#guarded?.changed();
  }
}
