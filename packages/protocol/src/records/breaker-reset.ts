/** The reset of a route's breaker: what a client asks for, and what the orchestrators tell one another. JSON. */
import { z } from 'zod';
import { tokenSchema } from '../names.ts';

export const breakerResetSchema = z.object({ processor: tokenSchema('processor') });

export const breakerResetNoticeSchema = breakerResetSchema.extend({
  /** Instance of the orchestrator that was asked. */
  by: z.string().max(200),
});

export type BreakerResetNotice = z.infer<typeof breakerResetNoticeSchema>;
