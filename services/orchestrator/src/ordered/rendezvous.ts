/**
 * Who has a partition: of all candidates the one with the highest weight for it, the same for everybody who knows the same
 * candidates. When one leaves, its partitions move and no others; when one joins, partitions move to it and to nobody else.
 * Source: Thaler and Ravishankar, "A name-based mapping scheme for rendezvous" (1996).
 */

/** Undefined when there is no candidate. Costs a hash each: partitions are few, and asked about once a message. */
export function highest<T>(key: string, candidates: readonly T[], nameOf: (candidate: T) => string): T | undefined {
  let best: T | undefined;
  let bestWeight = -1;
  let bestName = '';
  for (const candidate of candidates) {
    const name = nameOf(candidate);
    const weight = weightOf(`${key} ${name}`);
    if (weight < bestWeight || (weight === bestWeight && name > bestName)) continue;
    best = candidate;
    bestWeight = weight;
    bestName = name;
  }
  return best;
}

/** FNV-1a, then the finalizer of MurmurHash3: names that differ in one character differ in half of the bits. */
function weightOf(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
