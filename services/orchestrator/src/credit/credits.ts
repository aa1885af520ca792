/** The credit of every processor, as seen by this orchestrator. */
import { isOutcome, type Settlement } from '@frame-buffer/protocol';
import type { Route } from '../routes/route.ts';
import { type Limits, ProcessorCredit, type ProcessorLoad } from './credit.ts';

export class Credits {
  readonly #credits = new Map<string, ProcessorCredit>();
  readonly #self: string;
  readonly #now: () => number;

  constructor(self: string, now: () => number) {
    this.#self = self;
    this.#now = now;
  }

  of(processor: string): ProcessorCredit {
    let credit = this.#credits.get(processor);
    if (credit === undefined) {
      credit = new ProcessorCredit(this.#now());
      this.#credits.set(processor, credit);
    }
    return credit;
  }

  load(route: Route, peers: number): ProcessorLoad {
    const now = this.#now();
    const credit = this.of(route.processor.name);
    return {
      outstanding: credit.outstanding,
      window: credit.window(limitsOf(route, peers), now),
      ratePerSecond: credit.ratePerSecond(now),
      serviceMs: credit.serviceMs,
    };
  }

  /** Reads one message of the settlement feed. Returns true when somebody may have got room. */
  settled({ entries }: Settlement): boolean {
    const now = this.#now();
    let changed = false;
    for (const { processor, dispatcher, kind, sequences, serviceMs } of entries) {
      if (processor === undefined || !(isOutcome(kind) || kind === 'returned')) continue;
      const tasks = sequences.size;
      this.of(processor).settled(tasks, dispatcher === this.#self ? tasks : 0, serviceMs ?? 0, now);
      changed = true;
    }
    return changed;
  }

  /** Processors that hold credit and were silent for so long: their credit may be wrong. */
  *stale(silentMs: number): Generator<string> {
    const now = this.#now();
    for (const [processor, credit] of this.#credits) {
      if (credit.outstanding > 0 && now - credit.lastSettledAt >= silentMs) yield processor;
    }
  }

  /** Forgets those that are not registered any more; what is still settled of them counts for nothing. */
  retain(processors: ReadonlySet<string>): void {
    for (const name of this.#credits.keys()) if (!processors.has(name)) this.#credits.delete(name);
  }
}

function limitsOf(route: Route, peers: number): Limits {
  return { concurrency: route.concurrency, maxQueue: route.processor.maxQueue, peers };
}
