/** From a policy's word to a strategy. The one list to extend for a new one (with the protocol's `STRATEGIES`). */
import type { Policy, StrategyName } from '@frame-buffer/protocol';
import { LeastLoaded } from './least-loaded.ts';
import { Priority } from './priority.ts';
import { RoundRobin } from './round-robin.ts';
import { Sticky } from './sticky.ts';
import type { Candidate, Strategy } from './strategy.ts';
import { Weighted } from './weighted.ts';

export type StrategySettings = Pick<Policy, 'weights' | 'priorities'>;

/** `previous` is what stood in its place before; turns and shares go on from there. */
export function createStrategy(
  name: StrategyName,
  candidates: readonly Candidate[],
  { weights, priorities }: StrategySettings = {},
  previous?: Strategy,
): Strategy {
  const inTurn = from(previous?.candidates[previous.latest], candidates);
  switch (name) {
    case 'least-loaded':
      return new LeastLoaded(inTurn);
    case 'round-robin':
      return new RoundRobin(inTurn);
    case 'weighted':
      return new Weighted(inTurn, weights, previous instanceof Weighted ? previous : undefined);
    case 'sticky':
      return new Sticky(candidates);
    case 'priority':
      return new Priority(inTurn, priorities);
  }
}

/** Begins with the one after the latest: pools are made anew whenever the fleet changes, and the first must not profit. */
function from(latest: Candidate | undefined, candidates: readonly Candidate[]): readonly Candidate[] {
  if (latest === undefined) return candidates;
  const at = candidates.findIndex(({ route }) => route.processor.name === latest.route.processor.name);
  return at < 0 ? candidates : [...candidates.slice(at + 1), ...candidates.slice(0, at + 1)];
}
