/**
 * Least loaded: who would have a task done soonest, outstanding × service time ÷ concurrency. Equals take turns, idle or not.
 */
import { RoomHeap } from './room-heap.ts';
import type { Candidate, Strategy } from './strategy.ts';

export class LeastLoaded implements Strategy {
  readonly candidates: readonly Candidate[];
  readonly #heap: RoomHeap;

  constructor(candidates: readonly Candidate[]) {
    this.candidates = candidates;
    const keyOf = (slot: number) => {
      const { credit, concurrency } = candidates[slot] as Candidate;
      return credit.expectedWaitMs(concurrency);
    };
    this.#heap = new RoomHeap({ candidates, keyOf, followsCredit: true });
  }

  get latest(): number {
    return this.#heap.latest;
  }

  pick(_camera: string, nowMs: number): number {
    return this.#heap.pick(nowMs);
  }

  placed(slot: number): void {
    this.#heap.placed(slot);
  }

  joins(): boolean {
    return true;
  }

  stop(): void {
    this.#heap.stop();
  }
}
