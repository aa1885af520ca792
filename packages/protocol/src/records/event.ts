/** An entry of the audit log: EVENTS, JSON, subject `events.<kind>.<id>`. */
import { z } from 'zod';
import { tokenSchema } from '../names.ts';

export const eventSchema = z.object({
  kind: tokenSchema('event kind'),
  id: tokenSchema('event id'),
  /** ISO 8601 */
  at: z.iso.datetime(),
  /** Service instance that saw it. */
  by: z.string(),
  event: z.string(),
  from: z.string().optional(),
  to: z.string().optional(),
  cause: z.string().optional(),
});

export type AuditEvent = z.infer<typeof eventSchema>;
