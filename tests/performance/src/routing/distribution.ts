/** How even decisions are: a strategy may be fast and send everything to one processor. */
import { choose } from '@frame-buffer/orchestrator';
import type { PolicyInput } from '@frame-buffer/protocol';
import { type Fleet, type Frames, fleetOf, processorName } from './fleet.ts';

/** Tasks by processor after so many decisions, each settled before the next. */
export function decisionsByProcessor(fleet: Fleet, frames: Frames, decisions: number): ReadonlyMap<string, number> {
  const counts = new Map([...fleet.table.byProcessor.keys()].map((name) => [name, 0]));
  for (let i = 0; i < decisions; i++) {
    const { batch, range } = frames.at(i % frames.count);
    const decision = choose(batch, range, fleet.table, i / 1000);
    if (!('choice' in decision)) throw new Error('somebody must have had room');
    const { name } = decision.choice.route.processor;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Most minus fewest. */
export function spreadOf(policy: PolicyInput, size: number, frames: Frames, decisions: number): number {
  const counts = [...decisionsByProcessor(fleetOf(size, policy), frames, decisions).values()];
  return Math.max(...counts) - Math.min(...counts);
}

/** The worst processor's deviation from its share, in percent of the share. */
export function weightedErrorPercent(
  weights: Readonly<Record<string, number>>,
  size: number,
  frames: Frames,
  decisions: number,
): number {
  const counts = decisionsByProcessor(fleetOf(size, { strategy: 'weighted', weights }), frames, decisions);
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const errors = Object.entries(weights).map(([name, weight]) => {
    const expected = (decisions * weight) / total;
    return (100 * Math.abs((counts.get(name) ?? 0) - expected)) / expected;
  });
  return Math.max(...errors);
}

export interface Moves {
  /** Cameras that went elsewhere, times the number of processors: 1 is the ideal. Mean over those that left. */
  readonly meanRatio: number;
  /** The same for the worst. With few cameras a processor, chance decides how many it had. */
  readonly maxRatio: number;
  /** Cameras that moved although their processor stayed. */
  readonly needless: number;
}

/** Lets processors leave, one at a time, each from the whole fleet. */
export function stickyMoves(size: number, frames: Frames, leaving: number): Moves {
  const before = ownersOf(fleetOf(size, { strategy: 'sticky' }), frames);
  const ratios: number[] = [];
  let needless = 0;
  for (let k = 0; k < leaving; k++) {
    const gone = Math.floor((k * size) / leaving);
    const after = ownersOf(fleetOf(size, { strategy: 'sticky' }, gone), frames);
    const moved = before.filter((owner, n) => owner !== after[n]);
    needless += moved.filter((owner) => owner !== processorName(gone)).length;
    ratios.push((moved.length * size) / frames.count);
  }
  const meanRatio = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  return { meanRatio, maxRatio: Math.max(...ratios), needless };
}

function ownersOf({ table }: Fleet, frames: Frames): string[] {
  return Array.from({ length: frames.count }, (_, n) => {
    const { batch, range } = frames.at(n);
    const decision = choose(batch, range, table, 0);
    if (!('choice' in decision)) throw new Error('somebody must have had room');
    return decision.choice.route.processor.name;
  });
}
