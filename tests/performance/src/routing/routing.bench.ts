/** Nanoseconds per routing decision by strategy and fleet, and how even the decisions are. */
import type { PolicyInput } from '@frame-buffer/protocol';
import { atMost, type Bench, type Goal } from '../bench.ts';
import { nsPerOperation, rounded, type Subject } from '../measure.ts';
import { broadcastTargets, type CostOptions, coldDecisions, warmDecisions } from './decision-cost.ts';
import { spreadOf, stickyMoves, weightedErrorPercent } from './distribution.ts';
import { type Frames, framesOf, processorName } from './fleet.ts';

const SIZES = [10, 100, 1000] as const;
const CAMERAS = 10_000;
const DISTRIBUTION_DECISIONS = 100_000;
const MAX_NS = 2_000;
/** The cost at 1,000 processors against the cost at 10. */
const MAX_GROWTH = 3;

type BySize = Record<string, number>;

const weightsOf = (size: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: size }, (_, i) => [processorName(i), [1, 2, 3, 4, 10][i % 5] ?? 1]));
/** Four levels: half the tasks outstanding fill the highest, so that spilling over is part of what is measured. */
const prioritiesOf = (size: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: size }, (_, i) => [processorName(i), i % 4]));

const policyOf = (strategy: NonNullable<PolicyInput['strategy']>, size: number): PolicyInput => ({
  strategy,
  ...(strategy === 'weighted' ? { weights: weightsOf(size) } : {}),
  ...(strategy === 'priority' ? { priorities: prioritiesOf(size) } : {}),
});

type SubjectOf = (options: Pick<CostOptions, 'size' | 'frames' | 'quick'>) => Subject;

const warm =
  (strategy: NonNullable<PolicyInput['strategy']>): SubjectOf =>
  (options) =>
    warmDecisions({ ...options, policy: policyOf(strategy, options.size) });

const SUBJECTS: Readonly<Record<string, SubjectOf>> = {
  'least-loaded': warm('least-loaded'),
  'round-robin': warm('round-robin'),
  weighted: warm('weighted'),
  'sticky-warm': warm('sticky'),
  'sticky-cold': (options) => coldDecisions({ ...options, policy: { strategy: 'sticky' } }),
  priority: warm('priority'),
  'broadcast-per-target': broadcastTargets,
};

export const routingBench: Bench = {
  name: 'routing',
  summary: 'cost of a routing decision by strategy and fleet, and how even the decisions are',
  run: ({ progress, quick }) => {
    const frames = framesOf(quick ? 200 : CAMERAS);
    const cost: Record<string, BySize> = {};
    for (const [name, subjectOf] of Object.entries(SUBJECTS)) {
      const subjects = SIZES.map((size) => subjectOf({ size, frames, quick }));
      const ns = nsPerOperation(subjects, quick ? { rounds: 1, warmUps: 0 } : { rounds: 9, warmUps: 2 });
      cost[name] = Object.fromEntries(SIZES.map((size, i) => [size, rounded(ns[i] ?? Number.NaN)]));
      progress(`${name}: ${SIZES.map((size) => `${cost[name]?.[size]} ns at ${size}`).join(', ')}`);
    }
    const distribution = measureDistribution(frames, quick, progress);
    return {
      results: { cameras: frames.count, ns_per_decision: cost, distribution },
      goals: quick ? [] : [...costGoals(cost), ...distributionGoals(distribution)],
    };
  },
};

interface Distribution extends Record<string, BySize> {
  readonly round_robin_spread: BySize;
  readonly least_loaded_idle_spread: BySize;
  readonly weighted_error_percent: BySize;
  readonly sticky_moved_ratio: BySize;
  readonly sticky_moved_ratio_worst: BySize;
  readonly sticky_moved_needlessly: BySize;
}

function measureDistribution(frames: Frames, quick: boolean, progress: (text: string) => void): Distribution {
  const decisions = quick ? 10_000 : DISTRIBUTION_DECISIONS;
  const found: Distribution = {
    round_robin_spread: {},
    least_loaded_idle_spread: {},
    weighted_error_percent: {},
    sticky_moved_ratio: {},
    sticky_moved_ratio_worst: {},
    sticky_moved_needlessly: {},
  };
  for (const size of SIZES) {
    // Seven more than whole turns, so that an uneven turn would show.
    const turns = decisions - (decisions % size) + 7;
    found.round_robin_spread[size] = spreadOf({ strategy: 'round-robin' }, size, frames, turns);
    found.least_loaded_idle_spread[size] = spreadOf({ strategy: 'least-loaded' }, size, frames, turns);
    found.weighted_error_percent[size] = rounded(weightedErrorPercent(weightsOf(size), size, frames, decisions));
    const { meanRatio, maxRatio, needless } = stickyMoves(size, frames, quick ? 2 : Math.min(size, 100));
    found.sticky_moved_ratio[size] = rounded(meanRatio);
    found.sticky_moved_ratio_worst[size] = rounded(maxRatio);
    found.sticky_moved_needlessly[size] = needless;
    progress(`distribution at ${size} processors measured`);
  }
  return found;
}

function costGoals(cost: Readonly<Record<string, BySize>>): Goal[] {
  return Object.entries(cost).flatMap(([name, bySize]) => {
    const [few, many] = [bySize[SIZES[0]] ?? 0, bySize[SIZES[2]] ?? 0];
    return [
      atMost(`${name}: ns per decision at 1000 processors`, many, MAX_NS),
      atMost(`${name}: cost at 1000 processors against 10`, rounded(many / few), MAX_GROWTH),
    ];
  });
}

function distributionGoals(found: Distribution): Goal[] {
  return SIZES.flatMap((size) => [
    atMost(`round-robin: spread among ${size}`, found.round_robin_spread[size] ?? Number.NaN, 1),
    atMost(`least-loaded: spread among ${size} that are idle`, found.least_loaded_idle_spread[size] ?? Number.NaN, 1),
    atMost(`weighted: % off its weights among ${size}`, found.weighted_error_percent[size] ?? Number.NaN, 2),
    atMost(
      `sticky: cameras moved when one of ${size} leaves, times ${size}`,
      found.sticky_moved_ratio[size] ?? Number.NaN,
      1.1,
    ),
  ]);
}
