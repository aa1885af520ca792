/**
 * Which candidates are believed to have room, as a set of bits in the order of the slots. One that turns out to have none is
 * closed, and opened when its credit changes or after `RECHECK_MS`: each skip is paid for once.
 */
import type { CreditWatcher } from '../credit/credit.ts';
import { type Candidate, NONE, RECHECK_MS } from './strategy.ts';

export class OpenSlots implements CreditWatcher {
  readonly #candidates: readonly Candidate[];
  readonly #words: Int32Array;
  #recheckAt = 0;

  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates;
    this.#words = new Int32Array(Math.ceil(candidates.length / 32));
    this.#openAll();
    for (const [slot, { credit }] of candidates.entries()) credit.watch(this, slot);
  }

  creditChanged(slot: number): void {
    const word = slot >> 5;
    this.#words[word] = (this.#words[word] as number) | (1 << (slot & 31));
  }

  close(slot: number): void {
    const word = slot >> 5;
    this.#words[word] = (this.#words[word] as number) & ~(1 << (slot & 31));
  }

  /** To be called before a decision. */
  refresh(nowMs: number): void {
    if (nowMs < this.#recheckAt) return;
    this.#recheckAt = nowMs + RECHECK_MS;
    this.#openAll();
  }

  /** The first open slot of `from` (inclusive) to `to` (exclusive), 32 at a step; `NONE` if there is none. */
  next(from: number, to: number): number {
    if (from >= to) return NONE;
    let word = from >> 5;
    let bits = (this.#words[word] as number) & (-1 << (from & 31));
    while (bits === 0) {
      word += 1;
      if (word << 5 >= to) return NONE;
      bits = this.#words[word] as number;
    }
    const slot = (word << 5) + (31 - Math.clz32(bits & -bits));
    return slot < to ? slot : NONE;
  }

  /** The first open slot from `from` on, going round within `begin` to `end`. */
  nextAround(from: number, begin: number, end: number): number {
    const ahead = this.next(from, end);
    return ahead === NONE ? this.next(begin, from) : ahead;
  }

  stop(): void {
    for (const { credit } of this.#candidates) credit.unwatch(this);
  }

  #openAll(): void {
    this.#words.fill(-1);
    const rest = this.#candidates.length & 31;
    if (rest > 0) this.#words[this.#words.length - 1] = (1 << rest) - 1;
  }
}
