/**
 * Sticky: a camera's frames go to the same candidate for as long as it is there, whichever orchestrator decides. They wait
 * for it when it has no room. (Where they shall not, the next step of the chain says `"when": "full"`.)
 */
import { HashRing } from './hash-ring.ts';
import { type Candidate, NONE, roomOf, type Strategy } from './strategy.ts';

/** Cameras whose candidate is remembered. Beyond that memory is begun anew: it saves a few hundred nanoseconds, no more. */
const MAX_REMEMBERED = 65_536;

export class Sticky implements Strategy {
  readonly candidates: readonly Candidate[];
  readonly latest = NONE;
  readonly #ring: HashRing;
  readonly #remembered = new Map<string, number>();

  constructor(candidates: readonly Candidate[]) {
    this.candidates = candidates;
    this.#ring = new HashRing(candidates.map(({ route }) => route.processor.name));
  }

  pick(camera: string, nowMs: number): number {
    const slot = this.#ownerOf(camera);
    return roomOf(this.candidates[slot] as Candidate, nowMs) > 0 ? slot : NONE;
  }

  placed(): void {}

  joins(camera: string, slot: number): boolean {
    return this.#ownerOf(camera) === slot;
  }

  stop(): void {
    this.#remembered.clear();
  }

  #ownerOf(camera: string): number {
    let slot = this.#remembered.get(camera);
    if (slot === undefined) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      slot = this.#ring.ownerOf(camera);
      this.#remembered.set(camera, slot);
    }
    return slot;
  }
}
