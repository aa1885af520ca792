/**
 * Timing of work that takes less than the clock's step: many times over, in several rounds. What counts is this thread's
 * processor time in the fastest round: what else the machine does can only add to it. Subjects that are to be compared take
 * turns, so that a busy spell meets all of them. (It also takes caches away: a busy machine measures somewhat more.)
 */

export interface Subject {
  /** Operations that one call of `work` does; together they should take 50 ms or more. */
  readonly operations: number;
  readonly work: () => void;
  /** Before each round; not timed. */
  readonly prepare?: () => void;
}

export interface Rounds {
  readonly rounds: number;
  /** Rounds before the first that counts, for the compiler. */
  readonly warmUps: number;
}

/** Nanoseconds per operation, of each subject. */
export function nsPerOperation(subjects: readonly Subject[], { rounds, warmUps }: Rounds): number[] {
  const fastest = subjects.map(() => Number.POSITIVE_INFINITY);
  for (let round = -warmUps; round < rounds; round++) {
    for (const [i, subject] of subjects.entries()) {
      const ns = timeOf(subject) / subject.operations;
      if (round >= 0) fastest[i] = Math.min(fastest[i] ?? ns, ns);
    }
  }
  return fastest;
}

function timeOf({ work, prepare }: Subject): number {
  prepare?.();
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) * 1000;
}

/** To so many digits that mean something. */
export function rounded(value: number, digits = 3): number {
  return Number(value.toPrecision(digits));
}
