/**
 * Priority: the candidates with the highest declared number, and the next ones only with what those have no room for.
 * Candidates of the same number take turns.
 */
import { OpenSlots } from './open-slots.ts';
import { type Candidate, NONE, roomOf, type Strategy } from './strategy.ts';

interface Group {
  /** Slots, inclusive and exclusive. */
  readonly begin: number;
  readonly end: number;
  next: number;
}

export class Priority implements Strategy {
  /** The highest first. */
  readonly candidates: readonly Candidate[];
  readonly #open: OpenSlots;
  /** By slot. */
  readonly #groups: readonly Group[];
  #latest: number = NONE;

  /** Who is not named has 0. */
  constructor(all: readonly Candidate[], priorities: Readonly<Record<string, number>> = {}) {
    const priorityOf = ({ route }: Candidate) => priorities[route.processor.name] ?? 0;
    this.candidates = all.toSorted((a, b) => priorityOf(b) - priorityOf(a));
    this.#open = new OpenSlots(this.candidates);
    const groups: Group[] = [];
    for (let begin = 0, end = 0; begin < this.candidates.length; begin = end) {
      const level = priorityOf(this.candidates[begin] as Candidate);
      while (end < this.candidates.length && priorityOf(this.candidates[end] as Candidate) === level) end += 1;
      const group = { begin, end, next: begin };
      for (let slot = begin; slot < end; slot++) groups.push(group);
    }
    this.#groups = groups;
  }

  get latest(): number {
    return this.#latest;
  }

  pick(_camera: string, nowMs: number): number {
    this.#open.refresh(nowMs);
    for (;;) {
      const first = this.#open.next(0, this.candidates.length);
      if (first === NONE) return NONE;
      const { begin, end, next } = this.#groups[first] as Group;
      const slot = this.#open.nextAround(next, begin, end);
      if (roomOf(this.candidates[slot] as Candidate, nowMs) > 0) return slot;
      this.#open.close(slot);
    }
  }

  placed(slot: number): void {
    this.#latest = slot;
    const group = this.#groups[slot] as Group;
    group.next = slot + 1 === group.end ? group.begin : slot + 1;
  }

  joins(): boolean {
    return true;
  }

  stop(): void {
    this.#open.stop();
  }
}
