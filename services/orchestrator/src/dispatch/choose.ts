/**
 * The decision: which processor gets the next frames of a batch, and how many. Pure; reads a snapshot and the credits.
 */
import type { BatchView } from '@frame-buffer/protocol';
import type { Credits } from '../credit/credits.ts';
import { canRead, type Route, type RouteTable } from '../routes/route-table.ts';
import type { Range } from './task-ranges.ts';

export interface Choice {
  readonly route: Route;
  /** Frames from the range's beginning; at most the route's room and `maxBatch`. */
  readonly count: number;
}

/** `nobody`: no ready processor can do it; `no_room`: somebody can, later. */
export type Decision = { readonly choice: Choice } | { readonly wait: 'nobody' | 'no_room' };

/**
 * Least loaded: the ready, capable processor with room that would start the task soonest. Equals take turns.
 */
export function choose(batch: BatchView, range: Range, routes: RouteTable, credits: Credits, turn: number): Decision {
  const candidates = routes.byCapability.get(batch.capability) ?? [];
  const { encoding } = batch.cameraOf(range.from);
  let capable = false;
  let best: Route | undefined;
  let bestRoom = 0;
  let bestWait = Number.POSITIVE_INFINITY;
  for (let k = 0; k < candidates.length; k++) {
    const route = candidates[(k + turn) % candidates.length];
    if (route === undefined || !canRead(route, encoding)) continue;
    capable = true;
    const room = credits.room(route, routes.peers);
    if (room <= 0) continue;
    const wait = credits.expectedWaitMs(route);
    if (wait < bestWait) {
      best = route;
      bestRoom = room;
      bestWait = wait;
    }
  }
  if (best === undefined) return { wait: capable ? 'no_room' : 'nobody' };
  const limit = Math.min(range.to - range.from, bestRoom, best.processor.maxBatch);
  return { choice: { route: best, count: readableRun(batch, range.from, limit, best) } };
}

/** How many frames from `from` on the route can read, at most `limit`. */
function readableRun(batch: BatchView, from: number, limit: number, route: Route): number {
  if (batch.cameras.every(({ encoding }) => canRead(route, encoding))) return limit;
  let count = 0;
  while (count < limit && canRead(route, batch.cameraOf(from + count).encoding)) count += 1;
  return count;
}
