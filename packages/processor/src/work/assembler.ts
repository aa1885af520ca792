/**
 * Assembles what arrives one by one into calls of the handler.
 *
 *   A1  A call has 1 to `maxSize` items, the most urgent of those that wait (see `UrgencyQueue`).
 *   A2  A call is due when it is full, or when its oldest item has waited `maxWaitMs`; waiting for a free worker counts.
 *   A3  What `admit` turns away takes no place.
 *   A4  An item that is to be alone is a call of its own, and waits for nobody once it is the most urgent.
 */
import { UrgencyQueue, type Waiting } from './urgency-queue.ts';

export interface AssemblerOptions<T> {
  readonly maxSize: number;
  /** Milliseconds; 0 waits for nobody. */
  readonly maxWaitMs: number;
  /** Asked at the moment an item would be taken; false drops it: the callee has dealt with it. */
  readonly admit: (item: T) => boolean;
  /** A call has become due by waiting. */
  readonly onDue: () => void;
  /** Milliseconds of life that an item has left when it arrives. Default: Infinity. */
  readonly lifeMs?: (item: T) => number;
  /** Default: none. */
  readonly isAlone?: (item: T) => boolean;
}

/** Gone ones that may stay in the list of arrivals. */
const FEW = 1024;

const forEver = () => Infinity;
const never = () => false;

export class Assembler<T> {
  readonly #options: AssemblerOptions<T>;
  readonly #lifeMs: (item: T) => number;
  readonly #isAlone: (item: T) => boolean;
  readonly #queue = new UrgencyQueue<T>();
  /** In the order of arrival, gone ones included; kept only where somebody waits for company. */
  #arrivals: Waiting<T>[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AssemblerOptions<T>) {
    this.#options = options;
    this.#lifeMs = options.lifeMs ?? forEver;
    // With one item a call, all are.
    this.#isAlone = options.maxSize === 1 ? never : (options.isAlone ?? never);
  }

  get size(): number {
    return this.#queue.size;
  }

  add(items: readonly T[]): void {
    const now = performance.now();
    const isOrderKept = this.#options.maxWaitMs > 0;
    for (const item of items) {
      const waiting = this.#queue.add(item, now, now + this.#lifeMs(item));
      if (isOrderKept) this.#arrivals.push(waiting);
    }
    // While calls are full nobody asks for the oldest.
    if (this.#arrivals.length > 2 * this.size + FEW) this.#arrivals = this.#arrivals.filter(({ isGone }) => !isGone);
  }

  /** The items of one call that is due now; empty when none is. Then `onDue` will tell. */
  take(): T[] {
    const { maxSize, admit } = this.#options;
    this.#stopWaiting();
    const call: T[] = [];
    while (call.length < maxSize) {
      const head = this.#queue.head;
      if (head === undefined || (call.length === 0 && !this.#isDue(head))) break;
      const isAlone = this.#isAlone(head.item);
      if (isAlone && call.length > 0) break;
      this.#queue.shift();
      if (!admit(head.item)) continue;
      call.push(head.item);
      if (isAlone) break;
    }
    if (call.length === 0) this.#wait();
    return call;
  }

  /** Takes out what is waiting and matches, in the order of arrival. */
  remove(matches: (item: T) => boolean): T[] {
    return this.#queue.remove(matches);
  }

  close(): void {
    this.#stopWaiting();
  }

  #isDue(head: Waiting<T>): boolean {
    const { maxSize, maxWaitMs } = this.#options;
    return maxWaitMs === 0 || this.size >= maxSize || this.#isAlone(head.item) || this.#dueInMs() <= 0;
  }

  #dueInMs(): number {
    const oldest = this.#oldest();
    return oldest === undefined ? Infinity : oldest.since + this.#options.maxWaitMs - performance.now();
  }

  #oldest(): Waiting<T> | undefined {
    const at = this.#arrivals.findIndex(({ isGone }) => !isGone);
    if (at === -1) this.#arrivals = [];
    else if (at > 0) this.#arrivals.splice(0, at);
    return this.#arrivals[0];
  }

  #wait(): void {
    if (this.size === 0) return;
    const ms = this.#dueInMs();
    // Timers may fire a fraction of a millisecond early.
    if (ms < Infinity) this.#timer = setTimeout(this.#options.onDue, Math.max(1, Math.ceil(ms)));
  }

  #stopWaiting(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
