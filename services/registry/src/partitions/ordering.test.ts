import { processorSchema } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import { orderingFault, partitionsOfProcessor } from './ordering.ts';

const policies: Record<string, { ordered?: boolean; partitions?: number }> = {
  track: { ordered: true },
  follow: { ordered: true, partitions: 16 },
  look: {},
};
const policyOf = (capability: string) => policies[capability];
const processor = (capabilities: string[], more: object = { settles: true, liveness: 'heartbeat' }) =>
  processorSchema.parse({ name: 'p', capabilities, ...more });

test.each<[string[], number]>([
  [['look'], 0],
  [['unknown'], 0],
  [['track'], 8],
  [['track', 'follow'], 16],
  [['track', 'look'], 0],
])('a processor of %j has %i partitions', (capabilities, partitions) => {
  expect(partitionsOfProcessor(processor(capabilities), policyOf)).toBe(partitions);
});

test('ordered and not ordered cannot be mixed, and a plain client cannot own a partition', () => {
  expect(orderingFault(processor(['track', 'follow']), policyOf)).toBeUndefined();
  expect(orderingFault(processor(['look'], {}), policyOf)).toBeUndefined();
  expect(orderingFault(processor(['track', 'look']), policyOf)).toEqual({
    code: 'mixed_ordering',
    message: 'p names track, which is ordered, and look, which is not: register two processors',
  });
  expect(orderingFault(processor(['track'], {}), policyOf)?.code).toBe('ordered_needs_settlements');
  expect(orderingFault(processor(['track'], { settles: true }), policyOf)?.code).toBe('ordered_needs_settlements');
});
