/**
 * Assembles what arrives one by one into calls of the handler.
 *
 *   A1  A call has 1 to `maxSize` items, in the order of their arrival.
 *   A2  A call is due when it is full, or when its oldest item has waited `maxWaitMs`; waiting for a free worker counts.
 *   A3  What `admit` turns away takes no place.
 */
export interface AssemblerOptions<T> {
  readonly maxSize: number;
  /** Milliseconds; 0 waits for nobody. */
  readonly maxWaitMs: number;
  /** Asked at the moment an item would be taken; false drops it: the callee has dealt with it. */
  readonly admit: (item: T) => boolean;
  /** A call has become due by waiting. */
  readonly onDue: () => void;
}

interface Waiting<T> {
  readonly item: T;
  readonly since: number;
}

export class Assembler<T> {
  readonly #options: AssemblerOptions<T>;
  #waiting: Waiting<T>[] = [];
  /** Items before this place are gone: the array is cut now and then, not at each take. */
  #first = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AssemblerOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.length - this.#first;
  }

  add(items: readonly T[]): void {
    const since = performance.now();
    for (const item of items) this.#waiting.push({ item, since });
  }

  /** The items of one call that is due now; empty when none is. Then `onDue` will tell. */
  take(): T[] {
    const { maxSize, admit } = this.#options;
    clearTimeout(this.#timer);
    const call: T[] = [];
    while (call.length < maxSize && this.size > 0 && (call.length > 0 || this.#isDue())) {
      const next = this.#shift();
      if (next !== undefined && admit(next)) call.push(next);
    }
    if (call.length === 0) this.#wait();
    return call;
  }

  /** Takes out what is waiting and matches. */
  remove(matches: (item: T) => boolean): T[] {
    const removed: T[] = [];
    this.#waiting = this.#waiting.slice(this.#first).filter((waiting) => {
      if (!matches(waiting.item)) return true;
      removed.push(waiting.item);
      return false;
    });
    this.#first = 0;
    return removed;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #isDue(): boolean {
    return this.size >= this.#options.maxSize || this.#dueInMs() <= 0;
  }

  #dueInMs(): number {
    const oldest = this.#waiting[this.#first];
    return oldest === undefined ? Infinity : oldest.since + this.#options.maxWaitMs - performance.now();
  }

  #wait(): void {
    const ms = this.#dueInMs();
    // Timers may fire a fraction of a millisecond early.
    if (ms < Infinity) this.#timer = setTimeout(this.#options.onDue, Math.max(1, Math.ceil(ms)));
  }

  #shift(): T | undefined {
    const next = this.#waiting[this.#first]?.item;
    this.#first += 1;
    if (this.#first >= 1024 && this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return next;
  }
}
