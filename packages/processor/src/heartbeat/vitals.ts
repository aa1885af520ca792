/**
 * The vital signs of an instance, in memory that the heartbeat thread can read while the main thread is blocked.
 *
 * The main thread writes them ten times a second; the age of the last writing is what tells a blocked event loop.
 */
import { BLOCKED_MS, CONDITIONS, type Condition } from '../guard/condition.ts';
import type { Counters } from '../stats.ts';

const FIELDS = [
  'inFlight',
  'queued',
  'processed',
  'failed',
  'draining',
  'breaker',
  'condition',
  'writtenAtMs',
] as const;
type Field = (typeof FIELDS)[number];

/** Cells hold numbers: 0 is no breaker at all. */
const BREAKER_STATES = [undefined, 'closed', 'open', 'halfOpen'] as const;
export type BreakerSign = (typeof BREAKER_STATES)[number];

/** What the main thread knows of itself. */
export interface Signs {
  readonly counters: Counters;
  readonly isDraining: boolean;
  readonly breaker: BreakerSign;
  readonly condition: Condition;
}

export const WRITE_EVERY_MS = 100;

export interface VitalSigns {
  readonly inFlight: number;
  readonly queued: number;
  readonly processed: number;
  /** Attempts at a frame that failed. */
  readonly failed: number;
  /** Milliseconds that the event loop is late. */
  readonly blockedMs: number;
  readonly state: 'ready' | 'draining';
  readonly breaker?: 'closed' | 'open' | 'halfOpen';
  readonly condition: Condition;
}

export class Vitals {
  readonly memory: SharedArrayBuffer;
  readonly #cells: BigInt64Array<SharedArrayBuffer>;

  /** Without `memory`, new. */
  constructor(memory = new SharedArrayBuffer(FIELDS.length * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#cells = new BigInt64Array(memory);
  }

  write({ counters, isDraining, breaker, condition }: Signs): void {
    this.#set('inFlight', counters.inFlight);
    this.#set('queued', counters.queued);
    this.#set('processed', counters.processed);
    this.#set('failed', counters.deadLettered + counters.retried);
    this.#set('draining', isDraining ? 1 : 0);
    this.#set('breaker', BREAKER_STATES.indexOf(breaker));
    this.#set('condition', CONDITIONS.indexOf(condition));
    this.#set('writtenAtMs', processNowMs());
  }

  read(): VitalSigns {
    const blockedMs = Math.max(0, processNowMs() - this.#get('writtenAtMs') - WRITE_EVERY_MS);
    const condition = CONDITIONS[this.#get('condition')] ?? 'ok';
    const breaker = BREAKER_STATES[this.#get('breaker')];
    return {
      inFlight: this.#get('inFlight'),
      queued: this.#get('queued'),
      processed: this.#get('processed'),
      failed: this.#get('failed'),
      blockedMs,
      state: this.#get('draining') === 1 ? 'draining' : 'ready',
      ...(breaker === undefined ? {} : { breaker }),
      // What the main thread wrote is as old as it has been held up; that it hangs besides would be worse.
      condition: blockedMs > BLOCKED_MS && condition !== 'hung' ? 'blocking' : condition,
    };
  }

  #set(field: Field, value: number): void {
    Atomics.store(this.#cells, FIELDS.indexOf(field), BigInt(Math.max(0, Math.round(value))));
  }

  #get(field: Field): number {
    return Number(Atomics.load(this.#cells, FIELDS.indexOf(field)));
  }
}

/** One clock for all threads of a process: `performance.now()` begins anew in each. */
function processNowMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
