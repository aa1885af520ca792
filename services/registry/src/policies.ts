/** Capabilities: who names them, and the policies that are kept for them. */
import { type Camera, type Policy, type Processor, policySchema } from '@frame-buffer/protocol';
import { asking } from './broker-errors.ts';
import type { FollowedBucket } from './followed-bucket.ts';

export interface CapabilityView {
  readonly name: string;
  readonly policy: Policy;
  /** Is the policy kept here, or is it the default? */
  readonly stored: boolean;
  readonly cameras: readonly string[];
  readonly processors: readonly string[];
}

/** What names capabilities, as far as it matters here. */
export type NamesCapabilities = Pick<Camera, 'capabilities'>;

/** Every capability that a camera or a processor names, or that has a policy; by name. Pure. */
export function capabilityViews(known: {
  readonly cameras: Iterable<[string, NamesCapabilities]>;
  readonly processors: Iterable<[string, Pick<Processor, 'capabilities'>]>;
  readonly policies: Iterable<[string, Policy]>;
}): readonly CapabilityView[] {
  const views = new Map<string, { cameras: string[]; processors: string[]; policy?: Policy }>();
  const at = (capability: string) => {
    const view = views.get(capability) ?? { cameras: [], processors: [] };
    views.set(capability, view);
    return view;
  };
  for (const [name, { capabilities }] of known.cameras)
    for (const one of new Set(capabilities)) at(one).cameras.push(name);
  for (const [name, { capabilities }] of known.processors)
    for (const one of new Set(capabilities)) at(one).processors.push(name);
  for (const [capability, policy] of known.policies) at(capability).policy = policy;
  return [...views]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { policy, cameras, processors }]) => ({
      name,
      policy: policy ?? policySchema.parse({}),
      stored: policy !== undefined,
      cameras: cameras.sort(),
      processors: processors.sort(),
    }));
}

/** Keeps a policy; the last writer wins. Resolves when it is stored and read here. */
export async function keepPolicy(policies: FollowedBucket<Policy>, capability: string, policy: Policy): Promise<void> {
  const revision = await asking(`storing the policy of ${capability}`, () => policies.bucket.put(capability, policy));
  await policies.reached(capability, (stored) => (stored?.revision ?? 0) >= revision);
}
