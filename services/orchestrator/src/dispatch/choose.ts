/**
 * The decision: which processor gets the next frames of a batch, and how many. Reads a snapshot and the credits; no I/O.
 *
 * The policy's chain is walked in order and ends at the first step that may not be entered: one that says `unready` (the
 * default) only while no step before it has anybody ready who can read the frame, one that says `full` also while none of
 * them has room. A step whose constraints do not take the frame has nobody for it. Processors on trial come before the others
 * of their step, and count as ready for nothing else: while they have no room, it is as though they were not there.
 */
import type { BatchView } from '@frame-buffer/protocol';
import type { ProcessorCredit } from '../credit/credit.ts';
import type { Chain, Pool } from '../routes/chain.ts';
import { canRead, type Route } from '../routes/route.ts';
import type { RouteTable } from '../routes/route-table.ts';
import { NONE, roomOf, type Strategy } from '../strategies/strategy.ts';
import type { Range } from './task-ranges.ts';

export interface Choice {
  readonly route: Route;
  /** The route's; whoever carries the choice out books the tasks here. */
  readonly credit: ProcessorCredit;
  /** Frames from the range's beginning; at most the route's room and `maxBatch`. */
  readonly count: number;
  /** Name of the step of the chain. */
  readonly step: string;
}

/**
 * `skip`: so many frames from the range's beginning are not worked at all. `nobody`: no ready processor can do it; `no_room`:
 * somebody can, later.
 */
export type Decision =
  | { readonly choice: Choice }
  | { readonly skip: number }
  | { readonly wait: 'nobody' | 'no_room' };

const NOBODY: Decision = { wait: 'nobody' };
const NO_ROOM: Decision = { wait: 'no_room' };

/** A choice counts as carried out: the strategy's turn goes on. */
export function choose(batch: BatchView, range: Range, table: RouteTable, nowMs: number): Decision {
  const chain = table.chains.get(batch.capability);
  if (chain === undefined) return NOBODY;
  const first = batch.cameraOf(range.from);
  let isReady = false;
  let isTried = false;
  for (const step of chain.steps) {
    if (isReady && step.when === 'unready') return NO_ROOM;
    if (step.kind === 'skip') return { skip: likeFirst(batch, range, range.to - range.from, chain) };
    if (!step.takes(first)) continue;
    const trial = step.trials?.[first.encoding];
    if (trial !== undefined) {
      isTried = true;
      const slot = trial.pick(first.camera, nowMs);
      if (slot !== NONE) return { choice: take(batch, range, { chain, pool: step, strategy: trial, slot, nowMs }) };
    }
    const strategy = step.strategies[first.encoding];
    if (strategy === undefined) continue;
    isReady = true;
    const slot = strategy.pick(first.camera, nowMs);
    if (slot !== NONE) return { choice: take(batch, range, { chain, pool: step, strategy, slot, nowMs }) };
  }
  return isReady || isTried ? NO_ROOM : NOBODY;
}

interface Picked {
  readonly chain: Chain;
  readonly pool: Pool;
  readonly strategy: Strategy;
  readonly slot: number;
  readonly nowMs: number;
}

function take(batch: BatchView, range: Range, { chain, pool, strategy, slot, nowMs }: Picked): Choice {
  const candidate = strategy.candidates[slot];
  if (candidate === undefined) throw new RangeError(`no candidate ${slot}`);
  const { route, credit, maxBatch } = candidate;
  const limit = Math.min(range.to - range.from, roomOf(candidate, nowMs), maxBatch);
  let count = likeFirst(batch, range, limit, chain);
  if (count > 1 && batch.cameras.length > 1)
    count = run(batch, range.from, count, (i) => goesAlong(batch, i, strategy, slot));
  strategy.placed(slot, count);
  return { route, credit, count, step: pool.name };
}

function goesAlong(batch: BatchView, i: number, strategy: Strategy, slot: number): boolean {
  const { camera, encoding } = batch.cameraOf(i);
  const candidate = strategy.candidates[slot];
  return candidate !== undefined && canRead(candidate.route, encoding) && strategy.joins(camera, slot);
}

/** How many frames are for the same step as the first, as far as their kind says it. */
function likeFirst(batch: BatchView, range: Range, limit: number, chain: Chain): number {
  // One step for all frames, or one kind of frames.
  if (limit <= 1 || batch.cameras.length === 1 || (chain.steps.length === 1 && !chain.isSelective)) return limit;
  const { encoding, sizeClass } = batch.cameraOf(range.from);
  return run(batch, range.from, limit, (i) => {
    const other = batch.cameraOf(i);
    // Who can read it differs by encoding, in any chain.
    return other.encoding === encoding && (!chain.isSelective || other.sizeClass === sizeClass);
  });
}

/** How many frames from `from` on are like the first, which is like itself; `limit` is at least 1. */
function run(batch: BatchView, from: number, limit: number, isLike: (i: number) => boolean): number {
  let count = 1;
  let checked = batch.cameraNumber(from);
  for (; count < limit; count++) {
    const number = batch.cameraNumber(from + count);
    // Neighbours are often of one camera.
    if (number === checked) continue;
    if (!isLike(from + count)) break;
    checked = number;
  }
  return count;
}
