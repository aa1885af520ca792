/**
 * Candidates with room in the order of a key, kept current by their credits (K4) instead of by scans.
 *
 * A candidate that turns out to have no room is set aside, and comes back when its credit changes or after `RECHECK_MS`.
 * Changes are only noted when they happen, and worked in at the next decision: a burst of settlements costs one update.
 */
import type { CreditWatcher } from '../credit/credit.ts';
import { IndexedHeap } from './indexed-heap.ts';
import { type Candidate, NONE, RECHECK_MS, roomOf } from './strategy.ts';

export interface RoomHeapOptions {
  readonly candidates: readonly Candidate[];
  /** The smallest is picked. Asked when a candidate comes (back) in; with `followsCredit`, also when its credit changes. */
  readonly keyOf: (slot: number) => number;
  readonly followsCredit: boolean;
}

export class RoomHeap implements CreditWatcher {
  readonly #options: RoomHeapOptions;
  readonly #heap: IndexedHeap;
  /** Slots whose credit has changed; each at most once. */
  readonly #changed: Int32Array;
  readonly #isNoted: Uint8Array;
  /** Slots that have had a task since their key was set: they go behind their equals. */
  readonly #goesLast: Uint8Array;
  #changes = 0;
  #latest: number = NONE;
  #recheckAt = 0;

  constructor(options: RoomHeapOptions) {
    const { candidates, keyOf } = options;
    this.#options = options;
    this.#heap = new IndexedHeap(candidates.length);
    this.#changed = new Int32Array(candidates.length);
    this.#isNoted = new Uint8Array(candidates.length);
    this.#goesLast = new Uint8Array(candidates.length);
    for (const [slot, { credit }] of candidates.entries()) {
      this.#heap.set(slot, keyOf(slot), true);
      credit.watch(this, slot);
    }
  }

  creditChanged(slot: number): void {
    if (this.#options.followsCredit || !this.#heap.has(slot)) this.#note(slot);
  }

  pick(nowMs: number): number {
    this.#workIn(nowMs);
    const { candidates } = this.#options;
    for (let slot = this.#heap.top; slot !== NONE; slot = this.#heap.top) {
      const candidate = candidates[slot];
      if (candidate !== undefined && roomOf(candidate, nowMs) > 0) return slot;
      this.#heap.remove(slot);
    }
    return NONE;
  }

  get latest(): number {
    return this.#latest;
  }

  /** The slot has had a task: it gets a new key, behind its equals. */
  placed(slot: number): void {
    this.#latest = slot;
    this.#goesLast[slot] = 1;
    this.#note(slot);
  }

  stop(): void {
    for (const { credit } of this.#options.candidates) credit.unwatch(this);
  }

  #note(slot: number): void {
    if (this.#isNoted[slot] === 1) return;
    this.#isNoted[slot] = 1;
    this.#changed[this.#changes++] = slot;
  }

  #workIn(nowMs: number): void {
    for (let i = 0; i < this.#changes; i++) {
      const slot = this.#changed[i] as number;
      this.#heap.set(slot, this.#options.keyOf(slot), this.#goesLast[slot] === 1);
      this.#isNoted[slot] = 0;
      this.#goesLast[slot] = 0;
    }
    this.#changes = 0;
    if (nowMs < this.#recheckAt) return;
    this.#recheckAt = nowMs + RECHECK_MS;
    const { candidates, keyOf } = this.#options;
    if (this.#heap.size === candidates.length) return;
    for (let slot = 0; slot < candidates.length; slot++)
      if (!this.#heap.has(slot)) this.#heap.set(slot, keyOf(slot), false);
  }
}
