/**
 * Broadcast: every candidate gets a copy, each as its room allows. The decision alone: policies cannot name it, since the
 * books know one task per frame and capability, and not one per processor.
 */
import { type Candidate, roomOf } from './strategy.ts';

export class Broadcast {
  readonly candidates: readonly Candidate[];
  readonly #tasks: Int32Array;

  constructor(candidates: readonly Candidate[]) {
    this.candidates = candidates;
    this.#tasks = new Int32Array(candidates.length);
  }

  /** By slot, how many of the next `wanted` tasks fit: its room, its `maxBatch`. Valid until the next call. */
  shares(wanted: number, nowMs: number): Int32Array {
    for (let slot = 0; slot < this.candidates.length; slot++) {
      const candidate = this.candidates[slot] as Candidate;
      this.#tasks[slot] = Math.min(wanted, roomOf(candidate, nowMs), candidate.maxBatch);
    }
    return this.#tasks;
  }
}
