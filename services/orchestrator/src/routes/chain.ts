/**
 * A capability's policy compiled against the processors that are ready now: the steps of its chain, each with its candidates
 * and its strategy, by encoding. Who is in a pool never changes; when it would, a new pool is made.
 */
import {
  type BatchCamera,
  type Constraints,
  compileLabels,
  ENCODINGS,
  type Encoding,
  type Policy,
  type PolicyStep,
  policySteps,
  SIZE_CLASSES,
  type StrategyName,
} from '@frame-buffer/protocol';
import type { Credits } from '../credit/credits.ts';
import { createStrategy } from '../strategies/create.ts';
import { type Candidate, candidateOf, type Strategy } from '../strategies/strategy.ts';
import { canRead, type Route } from './route.ts';

export interface Pool {
  readonly kind: 'pool';
  /** The step's label expression, as written. */
  readonly name: string;
  readonly when: 'unready' | 'full';
  readonly strategy: StrategyName;
  /** Ready processors whose labels fit. */
  readonly routes: readonly Route[];
  readonly takes: (camera: Pick<BatchCamera, 'encoding' | 'sizeClass'>) => boolean;
  /** Among those that can read the encoding; none when nobody can. */
  readonly strategies: Strategies;
  /** Among those that are on trial, which the other strategies leave out. Undefined when nobody is. */
  readonly trials: Strategies | undefined;
}

type Strategies = Readonly<Partial<Record<Encoding, Strategy>>>;

export type Step = Pool | Extract<PolicyStep, { kind: 'skip' }>;

export interface Chain {
  readonly policy: Policy;
  /** Ready processors with the capability, whatever their labels. */
  readonly routes: readonly Route[];
  readonly steps: readonly Step[];
  /** Is there anybody for any frame, or a step that skips? If not, frames wait until they expire as `no_processor`. */
  readonly isServed: boolean;
  /** Do steps differ in the frames they take? Then frames of different encoding or size may not go together. */
  readonly isSelective: boolean;
  readonly peers: number;
}

export interface ChainInputs {
  readonly policy: Policy;
  readonly routes: readonly Route[];
  readonly credits: Credits;
  readonly peers: number;
}

/** `previous` is given back when nothing has changed; otherwise it is to be retired by the caller. */
export function compileChain({ policy, routes, credits, peers }: ChainInputs, previous?: Chain): Chain {
  if (previous?.policy === policy && previous.peers === peers && sameRoutes(previous.routes, routes)) return previous;
  const steps = policySteps(policy).map((step, at): Step => {
    if (step.kind === 'skip') return step;
    const before = previous?.steps[at];
    return compilePool(step, { policy, routes, credits, peers }, before?.kind === 'pool' ? before : undefined);
  });
  const isServed = steps.some((step) => step.kind === 'skip' || step.routes.length > 0);
  const isSelective = steps.some((step) => step.kind === 'pool' && step.takes !== takesEverything);
  return { policy, routes, steps, isServed, isSelective, peers };
}

export function retireChain(chain: Chain): void {
  for (const step of chain.steps) {
    if (step.kind === 'skip') continue;
    const strategies = [...Object.values(step.strategies), ...Object.values(step.trials ?? {})];
    for (const strategy of new Set(strategies)) strategy.stop();
  }
}

function compilePool(step: PolicyStep & { kind: 'pool' }, inputs: ChainInputs, previous?: Pool): Pool {
  const fits = compileLabels(step.labels);
  const routes = inputs.routes.filter(({ processor }) => fits(processor.labels));
  const onTrial = routes.filter(({ isOnTrial }) => isOnTrial);
  const proven = onTrial.length === 0 ? routes : routes.filter(({ isOnTrial }) => !isOnTrial);
  const { kind, name, when, strategy, constraints } = step;
  return {
    kind,
    name,
    when,
    strategy,
    routes,
    takes: selection(constraints),
    strategies: strategiesOf(step, proven, inputs, previous?.strategies),
    trials: onTrial.length === 0 ? undefined : strategiesOf(step, onTrial, inputs, previous?.trials),
  };
}

function strategiesOf(
  step: PolicyStep & { kind: 'pool' },
  routes: readonly Route[],
  inputs: ChainInputs,
  previous?: Strategies,
): Strategies {
  const strategies: Partial<Record<Encoding, Strategy>> = {};
  const made: { readonly readers: readonly Route[]; readonly strategy: Strategy }[] = [];
  for (const encoding of ENCODINGS) {
    const readers = routes.filter((route) => canRead(route, encoding));
    if (readers.length === 0) continue;
    // One strategy for all encodings with the same readers: usually there is only one.
    let strategy = made.find((other) => sameRoutes(other.readers, readers))?.strategy;
    if (strategy === undefined) {
      const candidates = candidatesOf(readers, inputs);
      strategy = createStrategy(step.strategy, candidates, inputs.policy, previous?.[encoding]);
      made.push({ readers, strategy });
    }
    if (strategy.candidates.length > 0) strategies[encoding] = strategy;
  }
  return strategies;
}

function candidatesOf(routes: readonly Route[], { credits, peers }: ChainInputs): Candidate[] {
  return routes.map((route) => candidateOf(route, credits.of(route.processor.name), peers));
}

const takesEverything: Pool['takes'] = () => true;

function selection({ minSize, maxSize, encodings }: Constraints): Pool['takes'] {
  if (minSize === undefined && maxSize === undefined && encodings === undefined) return takesEverything;
  const first = minSize === undefined ? 0 : SIZE_CLASSES.indexOf(minSize);
  const last = maxSize === undefined ? SIZE_CLASSES.length : SIZE_CLASSES.indexOf(maxSize);
  const sizes = new Set(SIZE_CLASSES.slice(first, last + 1));
  const readable = new Set(encodings ?? ENCODINGS);
  return ({ encoding, sizeClass }) => sizes.has(sizeClass) && readable.has(encoding);
}

function sameRoutes(a: readonly Route[], b: readonly Route[]): boolean {
  return a.length === b.length && a.every((route, i) => route === b[i]);
}
