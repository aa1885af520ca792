/**
 * Processors that get nothing more, by what the registry has decided about their lives: KV `actors`. A processor of which nothing
 * is kept there is judged by its heartbeats alone.
 */
import type { Mirror } from '@frame-buffer/jetstream';
import { type ActorRecord, parseActorKey } from '@frame-buffer/protocol';

/** Source: the processor machine of packages/actors. `registered` is decided by the heartbeats, which are here as early as there. */
const CLOSED: ReadonlySet<string> = new Set(['suspect', 'draining', 'lost', 'removed']);

export function closedProcessors(actors: Pick<Mirror<Pick<ActorRecord, 'state'>>, 'entries'>): ReadonlySet<string> {
  const closed = new Set<string>();
  for (const [key, { state }] of actors.entries()) {
    const actor = parseActorKey(key);
    if (actor?.kind === 'processor' && CLOSED.has(state)) closed.add(actor.id);
  }
  return closed;
}
