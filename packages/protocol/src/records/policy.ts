/** The policy of a capability: KV `capabilities`. A capability without a record has the defaults. */
import { z } from 'zod';

export const policySchema = z.strictObject({
  /** Milliseconds from capture after which a task is expired instead of worked. 0 means never. */
  maxAgeMs: z.int().min(0).max(86_400_000).default(60_000),
});

export type Policy = z.infer<typeof policySchema>;

export const DEFAULT_POLICY: Policy = policySchema.parse({});
