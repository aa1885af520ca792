/**
 * A set of frame sequences as sorted, disjoint ranges: small for what is nearly contiguous, which sequences are.
 *
 * Union is idempotent and order-free, which is what lets the ledger be fed twice, late and in any order.
 * Wire form: `[start, length, start, length, …]`.
 */
import { MAX_U48 } from './frame.ts';

export class SequenceSet {
  /** Starts and exclusive ends, alternating, ascending, never touching. */
  #bounds: number[];

  constructor(bounds: number[] = []) {
    this.#bounds = bounds;
  }

  static of(...sequences: number[]): SequenceSet {
    const set = new SequenceSet();
    for (const sequence of sequences) set.add(sequence);
    return set;
  }

  /** Ranges in any order. Ignores what is none (lengths below 1, fractions, beyond 48 bits): it cannot damage the set. */
  static fromWire(ranges: readonly number[]): SequenceSet {
    const pairs: [number, number][] = [];
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      const [start = -1, length = 0] = [ranges[i], ranges[i + 1]];
      if (isRange(start, length)) pairs.push([start, start + length]);
    }
    // In ascending order each range goes to the end; a long message in descending order would move all of it each time.
    pairs.sort((a, b) => a[0] - b[0]);
    const set = new SequenceSet();
    for (const [from, to] of pairs) set.addRange(from, to);
    return set;
  }

  /** As `fromWire`, but undefined when anything in it is no range. */
  static parseWire(value: unknown): SequenceSet | undefined {
    if (!Array.isArray(value) || value.length % 2 === 1) return undefined;
    for (let i = 0; i < value.length; i += 2) if (!isRange(value[i], value[i + 1])) return undefined;
    return SequenceSet.fromWire(value);
  }

  toWire(): number[] {
    const ranges: number[] = [];
    for (let i = 0; i < this.#bounds.length; i += 2) {
      const start = this.#bounds[i] ?? 0;
      ranges.push(start, (this.#bounds[i + 1] ?? 0) - start);
    }
    return ranges;
  }

  get size(): number {
    let size = 0;
    for (let i = 0; i < this.#bounds.length; i += 2) size += (this.#bounds[i + 1] ?? 0) - (this.#bounds[i] ?? 0);
    return size;
  }

  get isEmpty(): boolean {
    return this.#bounds.length === 0;
  }

  has(sequence: number): boolean {
    return this.#upper(sequence) % 2 === 1;
  }

  add(sequence: number): void {
    this.addRange(sequence, sequence + 1);
  }

  /** Adds `from` (inclusive) to `to` (exclusive); nothing when that is empty. */
  addRange(from: number, to: number): void {
    if (!(from < to)) return;
    const bounds = this.#bounds;
    const last = bounds.length - 1;
    // Nearly always the next sequence of a camera: the last range grows, or a new one follows.
    if (last < 0 || from > (bounds[last] ?? 0)) {
      bounds.push(from, to);
      return;
    }
    if (from === bounds[last]) {
      bounds[last] = to;
      return;
    }
    // Ranges that touch [from, to] merge with it.
    let first = this.#upper(from - 1);
    if (first % 2 === 1) first -= 1;
    let end = this.#upper(to);
    if (end % 2 === 1) end += 1;
    const start = Math.min(from, bounds[first] ?? from);
    const stop = end > first ? Math.max(to, bounds[end - 1] ?? to) : to;
    bounds.splice(first, end - first, start, stop);
  }

  addAll(other: SequenceSet): void {
    for (const [from, to] of other.ranges()) this.addRange(from, to);
  }

  /** What is in this set and not in the other. */
  minus(other: SequenceSet): SequenceSet {
    const result: number[] = [];
    const cuts = [...other.ranges()];
    let c = 0;
    for (const [from, to] of this.ranges()) {
      let at = from;
      while (c < cuts.length && (cuts[c]?.[1] ?? 0) <= at) c += 1;
      for (let k = c; k < cuts.length && at < to; k++) {
        const [cutFrom, cutTo] = cuts[k] ?? [to, to];
        if (cutFrom >= to) break;
        if (cutFrom > at) result.push(at, cutFrom);
        at = Math.max(at, cutTo);
      }
      if (at < to) result.push(at, to);
    }
    return new SequenceSet(result);
  }

  /** How many sequences both sets hold. */
  overlap(other: SequenceSet): number {
    return this.size - this.minus(other).size;
  }

  clone(): SequenceSet {
    return new SequenceSet([...this.#bounds]);
  }

  /** Ranges as `[from, to)`, ascending. */
  *ranges(): Generator<[number, number]> {
    for (let i = 0; i < this.#bounds.length; i += 2) yield [this.#bounds[i] ?? 0, this.#bounds[i + 1] ?? 0];
  }

  *[Symbol.iterator](): Generator<number> {
    for (const [from, to] of this.ranges()) for (let sequence = from; sequence < to; sequence++) yield sequence;
  }

  /** How many bounds are at most `value`: odd means inside a range. */
  #upper(value: number): number {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#bounds[middle] ?? 0) <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isRange(start: number, length: number): boolean {
  return (
    Number.isInteger(start) && Number.isInteger(length) && start >= 0 && length > 0 && start + length <= MAX_U48 + 1
  );
}
