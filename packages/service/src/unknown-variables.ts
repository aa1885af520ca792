/** Typos in the environment: variables with our prefix that nobody reads. */

export const variablePrefix = 'FRAME_BUFFER_';

export interface UnknownVariable {
  readonly variable: string;
  /** The known variable that was probably meant. */
  readonly suggestion?: string;
}

/** The names among `given` that start with our prefix and are not `known`, sorted, each with the nearest known name. */
export function unknownVariables(given: readonly string[], known: readonly string[]): UnknownVariable[] {
  return given
    .filter((name) => name.startsWith(variablePrefix) && !known.includes(name))
    .sort()
    .map((variable) => {
      const suggestion = nearest(variable, known);
      return suggestion === undefined ? { variable } : { variable, suggestion };
    });
}

/** The known name within three edits, if any. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known.map((candidate) => ({ candidate, edits: editDistance(name, candidate) }));
  ranked.sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= 3 ? best.candidate : undefined;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
