/**
 * What waits to be begun, the most urgent first.
 *
 *   U1  The item with the least life left goes first; of equal ones the one that came first.
 *   U2  Items that live for ever go last, in the order of their arrival.
 *
 * Items that live for ever cost what a plain queue costs. The others are a binary heap, in which items that come in the order
 * of their ends (as the frames of a camera do) are not moved on their way in.
 */
export interface Waiting<T> {
  readonly item: T;
  /** When it came, by `performance.now()`. */
  readonly since: number;
  /** When its life ends; Infinity for never. */
  readonly endsAt: number;
  readonly order: number;
  /** Taken or removed. */
  isGone: boolean;
}

/** So many places are freed at the head before the array is cut: not at each take. */
const CUT_AT = 1024;

export class UrgencyQueue<T> {
  #forever: Waiting<T>[] = [];
  #first = 0;
  #heap: Waiting<T>[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length + this.#forever.length - this.#first;
  }

  get head(): Waiting<T> | undefined {
    return this.#heap[0] ?? this.#forever[this.#first];
  }

  add(item: T, since: number, endsAt: number): Waiting<T> {
    const waiting = { item, since, endsAt, order: this.#order++, isGone: false };
    if (endsAt === Infinity) this.#forever.push(waiting);
    else this.#rise(waiting);
    return waiting;
  }

  shift(): Waiting<T> | undefined {
    const next = this.#heap.length > 0 ? this.#sink() : this.#shiftForever();
    if (next !== undefined) next.isGone = true;
    return next;
  }

  /** Takes out what matches, in the order of arrival. */
  remove(matches: (item: T) => boolean): T[] {
    const all = [...this.#heap, ...this.#forever.slice(this.#first)].sort((a, b) => a.order - b.order);
    this.#heap = [];
    this.#forever = [];
    this.#first = 0;
    const removed: T[] = [];
    for (const waiting of all) {
      if (matches(waiting.item)) {
        waiting.isGone = true;
        removed.push(waiting.item);
      } else if (waiting.endsAt === Infinity) this.#forever.push(waiting);
      else this.#rise(waiting);
    }
    return removed;
  }

  #shiftForever(): Waiting<T> | undefined {
    const next = this.#forever[this.#first];
    if (next === undefined) return undefined;
    this.#first += 1;
    if (this.#first >= CUT_AT && this.#first * 2 >= this.#forever.length) {
      this.#forever = this.#forever.slice(this.#first);
      this.#first = 0;
    }
    return next;
  }

  #rise(waiting: Waiting<T>): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || !isBefore(waiting, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = waiting;
  }

  /** Takes the root out and lets the last one sink to its place. */
  #sink(): Waiting<T> | undefined {
    const heap = this.#heap;
    const root = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return root;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = heap[childAt];
      if (child === undefined) break;
      const other = heap[childAt + 1];
      if (other !== undefined && isBefore(other, child)) {
        child = other;
        childAt += 1;
      }
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
    return root;
  }
}

function isBefore<T>(a: Waiting<T>, b: Waiting<T>): boolean {
  return a.endsAt < b.endsAt || (a.endsAt === b.endsAt && a.order < b.order);
}
