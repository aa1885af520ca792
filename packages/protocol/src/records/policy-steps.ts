/** The chain of a policy, step by step: what its short forms stand for, and what no chain may be. */
import { canonicalLabels, type LabelExpression } from '../labels/expression.ts';
import { parseLabels } from '../labels/parse.ts';
import type { Constraints, FallbackStep, Policy, StrategyName } from './policy.ts';

export type PolicyStep =
  | {
      readonly kind: 'pool';
      /** The label expression as it was written; `*` for everybody. Names the step in metrics and events. */
      readonly name: string;
      readonly labels: LabelExpression;
      readonly strategy: StrategyName;
      readonly constraints: Constraints;
      readonly when: 'unready' | 'full';
    }
  | { readonly kind: 'skip'; readonly name: 'skip'; readonly when: 'unready' | 'full' };

type Chain = Pick<Policy, 'require' | 'strategy' | 'constraints' | 'fallback'>;

/** The whole chain, the policy's own step first. Throws nothing for a policy that its schema has passed. */
export function policySteps(policy: Chain): readonly [PolicyStep, ...PolicyStep[]] {
  const { require, strategy, constraints, fallback = [] } = policy;
  return [pool({ require, strategy, constraints }), ...fallback.map(stepOf)];
}

function stepOf(step: FallbackStep): PolicyStep {
  if (step === 'skip') return { kind: 'skip', name: 'skip', when: 'unready' };
  if (typeof step === 'string') return pool({ require: step });
  return step.skip ? { kind: 'skip', name: 'skip', when: step.when ?? 'unready' } : pool(step);
}

function pool(step: Exclude<FallbackStep, string>): PolicyStep {
  const { require = '*', strategy = 'least-loaded', constraints = {}, when = 'unready' } = step;
  const parsed = parseLabels(require);
  const labels: LabelExpression = parsed.ok ? parsed.expression : { kind: 'not', operand: { kind: 'any' } };
  return { kind: 'pool', name: require.trim(), labels, strategy, constraints, when };
}

/** What is wrong with the chain, at which step of `fallback`; undefined when nothing is. */
export function chainFault(policy: Chain): { readonly step: number; readonly message: string } | undefined {
  const steps = policySteps(policy);
  const seen = new Map<string, number>();
  for (const [at, step] of steps.entries()) {
    if (step.kind === 'skip') {
      if (at < steps.length - 1) return { step: at - 1, message: 'skip ends the chain: no step can come after it' };
      continue;
    }
    const same = `${canonicalLabels(step.labels)} ${constraintsText(step.constraints)}`;
    const earlier = seen.get(same);
    if (earlier !== undefined) {
      const circle = steps.slice(earlier, at + 1).map(({ name }) => name);
      return { step: at - 1, message: `the chain goes in a circle: ${circle.join(' → ')}` };
    }
    seen.set(same, at);
  }
  return undefined;
}

function constraintsText({ minSize, maxSize, encodings }: Constraints): string {
  return JSON.stringify([minSize, maxSize, encodings === undefined ? undefined : [...encodings].sort()]);
}
