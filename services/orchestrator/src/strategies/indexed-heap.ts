/**
 * A heap of slots with the smallest key on top, in which any slot's key can be changed: O(log n), no allocation. Of equal keys
 * the one that was put in, or sent to the end, longest ago is on top: equals take turns.
 *
 * Four children a node and keys in the order of the heap: half the levels of a binary one, and the children that are compared
 * lie side by side in memory.
 */
const CHILDREN = 4;

export class IndexedHeap {
  /** By place in the heap: the slot there, its key and its turn. */
  readonly #slots: Int32Array;
  readonly #keys: Float64Array;
  readonly #turns: Float64Array;
  /** By slot: its place, -1 when it is not in the heap; and its turn, which it keeps while it is out. */
  readonly #places: Int32Array;
  readonly #turnOf: Float64Array;
  #size = 0;
  #turn = 0;

  constructor(capacity: number) {
    this.#slots = new Int32Array(capacity);
    this.#keys = new Float64Array(capacity);
    this.#turns = new Float64Array(capacity);
    this.#places = new Int32Array(capacity).fill(-1);
    this.#turnOf = new Float64Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** -1 when it is empty. */
  get top(): number {
    return this.#size === 0 ? -1 : at(this.#slots, 0);
  }

  has(slot: number): boolean {
    return at(this.#places, slot) >= 0;
  }

  /** Puts a slot in, or changes its key. `asLast`: behind its equals; otherwise it keeps its turn. */
  set(slot: number, key: number, asLast: boolean): void {
    if (asLast) this.#turnOf[slot] = ++this.#turn;
    const place = at(this.#places, slot);
    this.#settle(slot, key, place < 0 ? this.#size++ : place);
  }

  remove(slot: number): void {
    const place = at(this.#places, slot);
    if (place < 0) return;
    this.#places[slot] = -1;
    this.#size -= 1;
    // The last one fills the gap.
    if (place < this.#size) this.#settle(at(this.#slots, this.#size), at(this.#keys, this.#size), place);
  }

  /** Finds the place of a slot from a free one on, up or down. */
  #settle(slot: number, key: number, free: number): void {
    const turn = at(this.#turnOf, slot);
    const up = this.#rise(key, turn, free);
    this.#put(slot, key, turn, up === free ? this.#sink(key, turn, free) : up);
  }

  #rise(key: number, turn: number, free: number): number {
    let place = free;
    while (place > 0) {
      const parent = ((place - 1) / CHILDREN) | 0;
      const parentKey = at(this.#keys, parent);
      if (parentKey < key || (parentKey === key && at(this.#turns, parent) <= turn)) break;
      this.#move(parent, place);
      place = parent;
    }
    return place;
  }

  #sink(key: number, turn: number, free: number): number {
    const keys = this.#keys;
    const turns = this.#turns;
    const size = this.#size;
    let place = free;
    for (let first = CHILDREN * place + 1; first < size; first = CHILDREN * place + 1) {
      let best = first;
      let bestKey = at(keys, first);
      const end = Math.min(first + CHILDREN, size);
      for (let child = first + 1; child < end; child++) {
        const childKey = at(keys, child);
        if (childKey < bestKey || (childKey === bestKey && at(turns, child) < at(turns, best))) {
          best = child;
          bestKey = childKey;
        }
      }
      if (key < bestKey || (key === bestKey && turn <= at(turns, best))) break;
      this.#move(best, place);
      place = best;
    }
    return place;
  }

  #move(from: number, to: number): void {
    this.#put(at(this.#slots, from), at(this.#keys, from), at(this.#turns, from), to);
  }

  #put(slot: number, key: number, turn: number, place: number): void {
    this.#slots[place] = slot;
    this.#keys[place] = key;
    this.#turns[place] = turn;
    this.#places[slot] = place;
  }
}

/** Slots and places are always within bounds here; the compiler cannot know. */
function at(array: Int32Array | Float64Array, index: number): number {
  return array[index] as number;
}
