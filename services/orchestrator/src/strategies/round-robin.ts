/** Round-robin: everybody in turn, whatever they are like; who has no room is passed over. */
import { OpenSlots } from './open-slots.ts';
import { type Candidate, NONE, roomOf, type Strategy } from './strategy.ts';

export class RoundRobin implements Strategy {
  readonly candidates: readonly Candidate[];
  readonly #open: OpenSlots;
  #latest: number = NONE;

  constructor(candidates: readonly Candidate[]) {
    this.candidates = candidates;
    this.#open = new OpenSlots(candidates);
  }

  get latest(): number {
    return this.#latest;
  }

  pick(_camera: string, nowMs: number): number {
    this.#open.refresh(nowMs);
    const count = this.candidates.length;
    for (;;) {
      const slot = this.#open.nextAround(this.#latest + 1, 0, count);
      if (slot === NONE || roomOf(this.candidates[slot] as Candidate, nowMs) > 0) return slot;
      this.#open.close(slot);
    }
  }

  placed(slot: number): void {
    this.#latest = slot;
  }

  joins(): boolean {
    return true;
  }

  stop(): void {
    this.#open.stop();
  }
}
