/**
 * Which instance works which partition. Pure.
 *
 *   P1  Every partition has an instance, if there is any; shares differ by one at most.
 *   P2  No plan that keeps P1 moves fewer partitions.
 *   P3  The same inputs give the same plan, whoever computes it.
 */

/**
 * `holders[p]`: who has partition p now; undefined for nobody. `instances` are different names that may have partitions; a
 * holder that is not among them keeps nothing. Answers the instance of each partition.
 */
export function plan(
  partitions: number,
  instances: readonly string[],
  holders: readonly (string | undefined)[],
): (string | undefined)[] {
  const wanted = new Array<string | undefined>(partitions).fill(undefined);
  if (instances.length === 0) return wanted;
  const held = new Map(instances.map((instance) => [instance, 0]));
  for (const holder of holders.slice(0, partitions)) {
    const count = holder === undefined ? undefined : held.get(holder);
    if (holder !== undefined && count !== undefined) held.set(holder, count + 1);
  }
  const quota = quotas(partitions, held);
  for (const [p, holder] of holders.slice(0, partitions).entries()) {
    const left = holder === undefined ? 0 : (quota.get(holder) ?? 0);
    if (holder === undefined || left === 0) continue;
    wanted[p] = holder;
    quota.set(holder, left - 1);
  }
  const free = [...quota].flatMap(([instance, left]) => new Array<string>(left).fill(instance));
  return wanted.map((instance) => instance ?? free.shift());
}

/** The shares that are greater by one go to those that have most already, so that fewest have to give. */
function quotas(partitions: number, held: ReadonlyMap<string, number>): Map<string, number> {
  const least = Math.floor(partitions / held.size);
  const greater = partitions - least * held.size;
  const byHeld = [...held].sort(([a, has], [b, hasToo]) => hasToo - has || (a < b ? -1 : 1));
  return new Map(byHeld.map(([instance], i) => [instance, least + (i < greater ? 1 : 0)]));
}
