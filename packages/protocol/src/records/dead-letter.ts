/**
 * A dead letter: DEADLETTERS, subject `dead.<origin>.<reason>`. The payload is the picture (or, for what could not be
 * read, the message as it came); everything else stands in headers and in this record, which is one header's JSON.
 */
import { z } from 'zod';

export const deadLetterSchema = z.object({
  frame: z.string().optional(),
  capability: z.string().optional(),
  processor: z.string().optional(),
  instance: z.string().optional(),
  reason: z.string(),
  error: z.object({ name: z.string(), code: z.string().optional(), message: z.string() }),
  attempts: z.int().min(0),
  /** ISO 8601 */
  failedAt: z.iso.datetime(),
  /** Subject of the message it came from. */
  source: z.string(),
});

export type DeadLetter = z.infer<typeof deadLetterSchema>;
