/**
 * The vital signs of an instance, in memory that the heartbeat thread can read while the main thread is blocked.
 *
 * The main thread writes them ten times a second; the age of the last writing is what tells a blocked event loop.
 */
import type { Counters } from '../stats.ts';

const FIELDS = ['inFlight', 'queued', 'processed', 'failed', 'draining', 'writtenAtMs'] as const;
type Field = (typeof FIELDS)[number];

export const WRITE_EVERY_MS = 100;

export interface VitalSigns {
  readonly inFlight: number;
  readonly queued: number;
  readonly processed: number;
  readonly failed: number;
  /** Milliseconds that the event loop is late. */
  readonly blockedMs: number;
  readonly state: 'ready' | 'draining';
}

export class Vitals {
  readonly memory: SharedArrayBuffer;
  readonly #cells: BigInt64Array<SharedArrayBuffer>;

  /** Without `memory`, new. */
  constructor(memory = new SharedArrayBuffer(FIELDS.length * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#cells = new BigInt64Array(memory);
  }

  write(counters: Counters, isDraining: boolean): void {
    this.#set('inFlight', counters.inFlight);
    this.#set('queued', counters.queued);
    this.#set('processed', counters.processed);
    this.#set('failed', counters.deadLettered);
    this.#set('draining', isDraining ? 1 : 0);
    this.#set('writtenAtMs', processNowMs());
  }

  read(): VitalSigns {
    return {
      inFlight: this.#get('inFlight'),
      queued: this.#get('queued'),
      processed: this.#get('processed'),
      failed: this.#get('failed'),
      blockedMs: Math.max(0, processNowMs() - this.#get('writtenAtMs') - WRITE_EVERY_MS),
      state: this.#get('draining') === 1 ? 'draining' : 'ready',
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
