/** The decision for a partition: who works its next frames, and how many. Reads the route table; no I/O. */
import { type BatchView, partitionOf, partitionsOf } from '@frame-buffer/protocol';
import { canRead, type Route } from '../routes/route.ts';
import type { RouteTable } from '../routes/route-table.ts';
import { highest } from './rendezvous.ts';

/**
 * `elsewhere`: the frame does not belong to this partition (any more), its lane is another one. `skip`: its chain says that it
 * is not worked. `nobody`: no ready processor can do it. `to` is exclusive.
 */
export type Target = RouteTarget | Passed<'skip'> | Passed<'elsewhere'> | Passed<'nobody'>;

export interface RouteTarget {
  readonly kind: 'route';
  readonly route: Route;
  /** Name of the step of the chain. */
  readonly step: string;
  readonly to: number;
  /** Other ready processors with the capability. */
  readonly alternatives: number;
}

interface Passed<K> {
  readonly kind: K;
  readonly to: number;
}

/**
 * Slices end at multiples of the processor's `maxBatch`, so that whoever repeats the dispatch of a message cuts it alike: the
 * same frames have the same id.
 */
export function targetOf(batch: BatchView, from: number, partition: number, table: RouteTable): Target {
  const chain = table.chains.get(batch.capability);
  const partitions = partitionsOf(chain?.policy);
  const belongs = (i: number) => partitions > 0 && partitionOf(batch.cameraOf(i).camera, partitions) === partition;
  if (!belongs(from)) return { kind: 'elsewhere', to: run(batch, from, batch.frameCount, (i) => !belongs(i)) };
  const { encoding, sizeClass } = batch.cameraOf(from);
  for (const step of chain?.steps ?? []) {
    if (step.kind === 'skip') return { kind: 'skip', to: run(batch, from, batch.frameCount, belongs) };
    if (!step.takes({ encoding, sizeClass })) continue;
    const candidates = step.routes.filter((route) => route.processor.settles && canRead(route, encoding));
    const route = highest(`${batch.capability} ${partition}`, candidates, ({ processor }) => processor.name);
    if (route === undefined) continue;
    const { maxBatch } = route.processor;
    const limit = Math.min(batch.frameCount, (Math.floor(from / maxBatch) + 1) * maxBatch);
    const to = run(
      batch,
      from,
      limit,
      (i) => belongs(i) && canRead(route, batch.cameraOf(i).encoding) && step.takes(batch.cameraOf(i)),
    );
    return { kind: 'route', route, step: step.name, to, alternatives: (chain?.routes.length ?? 1) - 1 };
  }
  return { kind: 'nobody', to: from + 1 };
}

function run(batch: BatchView, from: number, limit: number, isLike: (i: number) => boolean): number {
  let to = from + 1;
  while (to < limit && (batch.cameraNumber(to) === batch.cameraNumber(to - 1) || isLike(to))) to += 1;
  return to;
}
