/**
 * Weighted: tasks in the proportion of the weights, spread evenly and not bunched (stride scheduling).
 *
 * Each candidate has a *pass*, the point at which it is due next; a task moves it on by 1 / weight, and the earliest is picked.
 * So any two are within a task each of their proportion. One that had no room is due at once when it has some, and gets back at most one
 * task of what it missed: otherwise a processor that comes out of a jam would be sent everything.
 */
import { RoomHeap } from './room-heap.ts';
import { type Candidate, NONE, type Strategy } from './strategy.ts';

export class Weighted implements Strategy {
  readonly candidates: readonly Candidate[];
  readonly #heap: RoomHeap;
  readonly #strides: Float64Array;
  readonly #passes: Float64Array;
  /** The pass of the latest pick: where the schedule has come to. */
  #position = 0;

  /** Candidates of weight 0 are left out; who is not named has 1. `previous` hands over how far each of its own had come. */
  constructor(all: readonly Candidate[], weights: Readonly<Record<string, number>> = {}, previous?: Weighted) {
    const weightOf = ({ route }: Candidate) => weights[route.processor.name] ?? 1;
    const candidates = all.filter((candidate) => weightOf(candidate) > 0);
    this.candidates = candidates;
    this.#strides = Float64Array.from(candidates, (candidate) => 1 / weightOf(candidate));
    this.#passes = this.#strides.map((stride) => stride / 2);
    if (previous !== undefined) this.#takeOver(previous);
    this.#heap = new RoomHeap({ candidates, keyOf: (slot) => this.#dueAt(slot), followsCredit: false });
  }

  get latest(): number {
    return this.#heap.latest;
  }

  pick(_camera: string, nowMs: number): number {
    const slot = this.#heap.pick(nowMs);
    if (slot !== NONE) this.#position = Math.max(this.#position, this.#passes[slot] as number);
    return slot;
  }

  placed(slot: number, tasks: number): void {
    this.#passes[slot] = (this.#passes[slot] as number) + tasks * (this.#strides[slot] as number);
    this.#heap.placed(slot);
  }

  joins(): boolean {
    return true;
  }

  stop(): void {
    this.#heap.stop();
  }

  /** Not further behind than one task. */
  #dueAt(slot: number): number {
    const due = Math.max(this.#passes[slot] as number, this.#position - (this.#strides[slot] as number));
    this.#passes[slot] = due;
    return due;
  }

  #takeOver(previous: Weighted): void {
    const before = new Map(previous.candidates.map(({ route }, slot) => [route.processor.name, slot]));
    for (const [slot, { route }] of this.candidates.entries()) {
      const was = before.get(route.processor.name);
      if (was === undefined) continue;
      const stride = this.#strides[slot] as number;
      // In strides, since the weight may have changed; at most one, so that no change of weights leaves a debt behind.
      const ahead = ((previous.#passes[was] as number) - previous.#position) / (previous.#strides[was] as number);
      this.#passes[slot] = Math.min(1, Math.max(0, ahead)) * stride;
    }
  }
}
