/**
 * An actor as it is kept: KV `actors`, key `<kind>.<id>`. Written only by whoever hosts the actor, by compare-and-set.
 *
 * `state`, `since` and `cause` are for those who look; `snapshot` is what the host goes on from.
 */
import { z } from 'zod';

export const actorRecordSchema = z.object({
  /** Of the machine that wrote the snapshot. */
  version: z.int().min(1),
  state: z.string().max(200),
  /** When it came into that state; ISO 8601. */
  since: z.iso.datetime(),
  /** What brought it there. */
  cause: z.string().max(500).default(''),
  /** As `persist` of packages/actors gives it. */
  snapshot: z.unknown(),
  /** Instance of its host. */
  by: z.string().max(200),
  /** When this was written. */
  at: z.iso.datetime(),
});

export type ActorRecord = z.infer<typeof actorRecordSchema>;
