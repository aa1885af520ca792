/** Set algebra that the books need, each in one pass over the ranges of both sets. None changes what it is given. */
import { SequenceSet } from '@frame-buffer/protocol';

/** What is in either set. Unlike `addAll` linear also where the ranges of the two interleave. */
export function union(a: SequenceSet, b: SequenceSet): SequenceSet {
  if (a.isEmpty) return b;
  if (b.isEmpty) return a;
  const result = new SequenceSet();
  const left = a.ranges();
  const right = b.ranges();
  let x = left.next();
  let y = right.next();
  while (!x.done || !y.done) {
    // In ascending order each range goes to the end, where adding is cheap.
    if (!x.done && (y.done || x.value[0] <= y.value[0])) {
      result.addRange(...x.value);
      x = left.next();
    } else if (!y.done) {
      result.addRange(...y.value);
      y = right.next();
    }
  }
  return result;
}

/** What is in both sets. */
export function intersection(a: SequenceSet, b: SequenceSet): SequenceSet {
  const result = new SequenceSet();
  const left = a.ranges();
  const right = b.ranges();
  let x = left.next();
  let y = right.next();
  while (!x.done && !y.done) {
    const [fromX, toX] = x.value;
    const [fromY, toY] = y.value;
    result.addRange(Math.max(fromX, fromY), Math.min(toX, toY));
    if (toX <= toY) x = left.next();
    else y = right.next();
  }
  return result;
}

/** Sets by account. */
export type SetsByAccount = ReadonlyMap<string, SequenceSet>;

/** Combines, account by account, the sets of `a` with those of `b` (empty where `b` has none); leaves out what is then empty. */
export function combine(
  a: SetsByAccount,
  b: SetsByAccount,
  how: (left: SequenceSet, right: SequenceSet) => SequenceSet,
): Map<string, SequenceSet> {
  const result = new Map<string, SequenceSet>();
  for (const [key, left] of a) {
    const combined = how(left, b.get(key) ?? EMPTY);
    if (!combined.isEmpty) result.set(key, combined);
  }
  return result;
}

export function difference(a: SequenceSet, b: SequenceSet): SequenceSet {
  return b.isEmpty ? a : a.minus(b);
}

const EMPTY = new SequenceSet();
