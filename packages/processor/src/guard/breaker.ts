/**
 * The breaker of an instance: keeps it from working while its handler fails.
 *
 *   G1  While closed a call costs it nothing, unless one has failed since the last that did not.
 *   G2  With the failure that opens it, `onChange` has been called before `ended` returns: not a moment later.
 *   G3  A frame's own fault (an evicted picture, a `TerminalError`) is no failure; among trials it counts as a success, since
 *       the handler did what it could. The broker's trouble says nothing: such a trial counts as silent.
 *
 * The machine decides, see `breakerMachine`; the host writes its transitions to the log and to EVENTS.
 */
import type { EventLog } from '@frame-buffer/jetstream';
import type { Logger } from '@frame-buffer/telemetry';
import {
  admissible,
  type BreakerSettings,
  type BreakerState,
  breakerMachine,
  type HostedActor,
  hostActor,
} from './machine.ts';

/** How a call ended: `neutral` says nothing of the handler, `unknown` is no end at all. */
export type Verdict = 'succeeded' | 'failed' | 'neutral' | 'unknown';

export interface Breaker {
  readonly state: BreakerState | undefined;
  /** Calls that may begin now. */
  readonly room: number;
  /** A call begins; returns what `ended` wants of it. */
  begin(): number;
  ended(era: number, verdict: Verdict): void;
  reset(): void;
  stop(): Promise<void>;
}

/** For `breaker: false`. */
export const NO_BREAKER: Breaker = {
  state: undefined,
  room: Infinity,
  begin: () => 0,
  ended: () => {},
  reset: () => {},
  stop: () => Promise.resolve(),
};

export interface BreakerOptions {
  readonly settings: Partial<BreakerSettings>;
  /** Token for `events.breaker.<id>`. */
  readonly id: string;
  readonly by: string;
  readonly events: Pick<EventLog, 'record'>;
  readonly log: Logger;
  readonly onChange: (state: BreakerState) => void;
}

type Hosted = HostedActor<typeof breakerMachine>;

export async function hostBreaker(options: BreakerOptions): Promise<Breaker> {
  const { settings, id, by, events, log, onChange } = options;
  let breaker: HostedBreaker | undefined;
  const hosted = await hostActor({
    machine: breakerMachine,
    kind: 'breaker',
    id,
    input: { settings },
    ports: {},
    events,
    log,
    by,
    // A timer's change is seen here alone, in the middle of the actor's step.
    onTransition: () => queueMicrotask(() => breaker?.look()),
  });
  breaker = new HostedBreaker(hosted, onChange);
  return breaker;
}

class HostedBreaker implements Breaker {
  readonly #hosted: Hosted;
  readonly #onChange: (state: BreakerState) => void;
  /** What the snapshot says, at hand for every call. */
  #state: BreakerState = 'closed';
  #era = 0;
  #room = Infinity;
  #isQuiet = true;

  constructor(hosted: Hosted, onChange: (state: BreakerState) => void) {
    this.#hosted = hosted;
    this.#onChange = onChange;
    this.look();
  }

  get state(): BreakerState {
    return this.#state;
  }

  get room(): number {
    return this.#room;
  }

  begin(): number {
    if (this.#state === 'halfOpen') {
      this.#hosted.send({ type: 'call.admitted', at: Date.now() });
      this.look();
    }
    return this.#era;
  }

  ended(era: number, verdict: Verdict): void {
    if (this.#isQuiet && verdict === 'succeeded') return;
    if (verdict === 'unknown' || (verdict === 'neutral' && this.#state === 'closed')) return;
    if (verdict === 'failed') this.#hosted.send({ type: 'call.failed', era, at: Date.now() });
    else this.#hosted.send({ type: 'call.succeeded', era });
    this.look();
  }

  reset(): void {
    this.#hosted.send({ type: 'breaker.reset' });
    this.look();
  }

  stop(): Promise<void> {
    return this.#hosted.stop();
  }

  look(): void {
    const { snapshot } = this.#hosted;
    const before = this.#state;
    this.#state = snapshot.value;
    this.#era = snapshot.context.era;
    this.#room = admissible(snapshot);
    this.#isQuiet = this.#state === 'closed' && snapshot.context.failures === 0;
    if (this.#state !== before) this.#onChange(this.#state);
  }
}
