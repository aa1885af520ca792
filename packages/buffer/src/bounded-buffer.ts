/**
 * A first-in-first-out buffer bounded in items and bytes: what stands between a camera that does not wait and a broker that
 * sometimes has to.
 *
 *   F1  Never more than `maxItems` items or `maxBytes` bytes, except for one item that alone is larger than `maxBytes`.
 *   F2  Nothing leaves without the caller being told: what makes room is returned, not dropped.
 *   F3  Items leave in the order in which they came.
 *
 * All operations are O(1), amortised.
 */
export type OverflowPolicy = 'drop-oldest' | 'drop-newest';

export interface BufferBounds {
  /** At least 1. */
  readonly maxItems: number;
  /** At least 1. */
  readonly maxBytes: number;
  readonly policy: OverflowPolicy;
}

interface Entry<T> {
  readonly item: T;
  readonly bytes: number;
}

/** Above this many empty places at the front, the array is cut. */
const COMPACT_AT = 1024;

export class BoundedBuffer<T> {
  readonly #bounds: BufferBounds;
  #entries: (Entry<T> | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  /** Throws `RangeError` when a bound is not a positive number. */
  constructor(bounds: BufferBounds) {
    if (!(bounds.maxItems >= 1) || !(bounds.maxBytes >= 1)) {
      throw new RangeError(
        `a buffer needs maxItems and maxBytes of at least 1, not ${bounds.maxItems} and ${bounds.maxBytes}`,
      );
    }
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Share of the tighter bound in use, 0 to 1. */
  get fill(): number {
    return Math.min(1, Math.max(this.length / this.#bounds.maxItems, this.#bytes / this.#bounds.maxBytes));
  }

  /** Takes an item in. Returns what had to give way: older ones, or the item itself, by the policy. */
  push(item: T, bytes: number): T[] {
    const dropped: T[] = [];
    while (!this.#fits(bytes)) {
      if (this.#bounds.policy === 'drop-newest') return [item];
      const oldest = this.shift();
      if (oldest === undefined) break;
      dropped.push(oldest);
    }
    this.#entries.push({ item, bytes });
    this.#bytes += bytes;
    return dropped;
  }

  peek(): T | undefined {
    return this.#entries[this.#head]?.item;
  }

  shift(): T | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#entries[this.#head] = undefined;
    this.#head += 1;
    this.#bytes -= entry.bytes;
    if (this.#head > COMPACT_AT && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry.item;
  }

  /** Everything that is left, oldest first; the buffer is empty afterwards. */
  drain(): T[] {
    const items: T[] = [];
    for (let item = this.shift(); item !== undefined; item = this.shift()) items.push(item);
    return items;
  }

  #fits(bytes: number): boolean {
    if (this.length === 0) return true;
    return this.length < this.#bounds.maxItems && this.#bytes + bytes <= this.#bounds.maxBytes;
  }
}
