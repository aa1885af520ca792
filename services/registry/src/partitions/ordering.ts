/** Which processors are ordered, and which cannot be. Pure. */
import { type Ordering, type Processor, partitionsOf } from '@frame-buffer/protocol';

export type PolicyOf = (capability: string) => Ordering | undefined;

/** As many as its widest capability has; 0 when it is not ordered, or cannot be. */
export function partitionsOfProcessor({ capabilities }: Pick<Processor, 'capabilities'>, policyOf: PolicyOf): number {
  const counts = capabilities.map((capability) => partitionsOf(policyOf(capability)));
  return counts.includes(0) ? 0 : Math.max(...counts);
}

export interface OrderingFault {
  readonly code: 'mixed_ordering' | 'ordered_needs_settlements';
  readonly message: string;
}

/** What keeps it from being registered under these policies. */
export function orderingFault(
  { name, capabilities, settles, liveness }: Pick<Processor, 'name' | 'capabilities' | 'settles' | 'liveness'>,
  policyOf: PolicyOf,
): OrderingFault | undefined {
  const ordered = capabilities.filter((capability) => partitionsOf(policyOf(capability)) > 0);
  if (ordered.length === 0) return undefined;
  const others = capabilities.filter((capability) => !ordered.includes(capability));
  if (others.length > 0) {
    return {
      code: 'mixed_ordering',
      message: `${name} names ${ordered.join(', ')}, which ${ordered.length === 1 ? 'is' : 'are'} ordered, and ${others.join(', ')}, which ${others.length === 1 ? 'is' : 'are'} not: register two processors`,
    };
  }
  if (settles && liveness === 'heartbeat') return undefined;
  return {
    code: 'ordered_needs_settlements',
    message: `${ordered.join(', ')} ${ordered.length === 1 ? 'is' : 'are'} ordered: only processors of the SDK (settles, liveness heartbeat) can own partitions`,
  };
}
