/**
 * What a decision costs: batches of random cameras, frame by frame, each dispatched, and settled when as many are outstanding as two for each
 * processor. All of it is timed: the decision, and the upkeep of credits and indexes that makes decisions cheap.
 */
import { Broadcast, candidateOf, choose } from '@frame-buffer/orchestrator';
import type { PolicyInput } from '@frame-buffer/protocol';
import type { Subject } from '../measure.ts';
import { CAMERAS_PER_BATCH, type Fleet, type Frames, fleetOf, processorName, shuffledNumbers } from './fleet.ts';

const OUTSTANDING_PER_PROCESSOR = 2;
/** Milliseconds from one decision to the next. */
const PACE_MS = 0.001;
const SERVICE_MS = 8;

export interface CostOptions {
  readonly size: number;
  readonly policy: PolicyInput;
  readonly frames: Frames;
  readonly quick: boolean;
}

/** Decisions in a running system. */
export function warmDecisions({ size, policy, frames, quick }: CostOptions): Subject {
  const operations = quick ? 2_000 : 200_000;
  const batches = shuffledNumbers(8_192, frames.batches.length);
  const order = Uint32Array.from({ length: 65_536 }, (_, i) =>
    Math.min(frames.count - 1, (batches[i >> 3] as number) * CAMERAS_PER_BATCH + (i & 7)),
  );
  const system = new RunningSystem(fleetOf(size, policy), size);
  let next = 0;
  const work = () => {
    const placedBefore = system.placed;
    for (let i = 0; i < operations; i++) system.step(frames, order[next++ & 65_535] as number);
    if (system.placed - placedBefore < operations / 2) throw new Error('most decisions found nobody with room');
  };
  return { operations, work };
}

/** Fleets that one round goes through: one has too few cameras for a timing. */
const COLD_FLEETS = 20;

/** The first decision for each camera after the fleet has changed. */
export function coldDecisions({ size, policy, frames, quick }: CostOptions): Subject {
  const count = quick ? 1 : COLD_FLEETS;
  let fleets: readonly Fleet[] = [];
  const prepare = () => {
    fleets = Array.from({ length: count }, () => fleetOf(size, policy));
  };
  const work = () => {
    for (const { table } of fleets) {
      for (let n = 0; n < frames.count; n++) {
        const { batch, range } = frames.at(n);
        choose(batch, range, table, 0);
      }
    }
  };
  return { operations: count * frames.count, work, prepare };
}

/** Targets of broadcast decisions, each dispatched and settled. */
export function broadcastTargets({ size, quick }: Pick<CostOptions, 'size' | 'quick'>): Subject {
  const { table, credits } = fleetOf(size, {});
  const candidates = [...table.byProcessor.values()].map((route) =>
    candidateOf(route, credits.of(route.processor.name), 1),
  );
  const broadcast = new Broadcast(candidates);
  const decisions = Math.ceil((quick ? 2_000 : 1_000_000) / size);
  let nowMs = 0;
  const work = () => {
    for (let i = 0; i < decisions; i++) {
      nowMs += PACE_MS;
      const shares = broadcast.shares(1, nowMs);
      for (let slot = 0; slot < shares.length; slot++) {
        const { credit } = candidates[slot] as (typeof candidates)[number];
        credit.dispatched(shares[slot] as number);
        credit.settled(1, 1, SERVICE_MS, nowMs);
      }
    }
  };
  return { operations: decisions * size, work };
}

/** An orchestrator's part in the life of a task, without broker. */
class RunningSystem {
  placed = 0;
  readonly #fleet: Fleet;
  readonly #outstanding: string[];
  #oldest = 0;
  #nowMs = 0;

  constructor(fleet: Fleet, size: number) {
    this.#fleet = fleet;
    this.#outstanding = Array.from({ length: OUTSTANDING_PER_PROCESSOR * size }, (_, i) => processorName(i % size));
    for (const name of this.#outstanding) fleet.credits.of(name).dispatched(1);
  }

  step(frames: Frames, n: number): void {
    const { batch, range } = frames.at(n);
    const { table, credits } = this.#fleet;
    this.#nowMs += PACE_MS;
    const decision = choose(batch, range, table, this.#nowMs);
    // Whose turn it is to have finished is settled either way.
    const settled = this.#outstanding[this.#oldest] as string;
    if (settled !== '') credits.of(settled).settled(1, 1, SERVICE_MS, this.#nowMs);
    let name = '';
    if ('choice' in decision) {
      name = decision.choice.route.processor.name;
      decision.choice.credit.dispatched(1);
      this.placed += 1;
    }
    this.#outstanding[this.#oldest] = name;
    this.#oldest = this.#oldest + 1 === this.#outstanding.length ? 0 : this.#oldest + 1;
  }
}
