/** What a benchmark is. One file each; `benches.ts` lists them. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A bound that a number has to keep, and whether it does. */
export interface Goal extends Record<string, Json> {
  readonly goal: string;
  readonly measured: number;
  readonly at_most: number;
  readonly met: boolean;
}

export interface BenchReport {
  /** Numbers by name, snake_case, the unit in the name. */
  readonly results: Readonly<Record<string, Json>>;
  readonly goals: readonly Goal[];
}

export interface BenchContext {
  /** Says what is going on, for people who wait. */
  readonly progress: (text: string) => void;
  /** A pass that proves that the benchmark works; its numbers mean nothing. */
  readonly quick: boolean;
}

export interface Bench {
  /** kebab-case */
  readonly name: string;
  /** One line: what is measured. */
  readonly summary: string;
  /** It starts a broker or services: too much for a unit test, which runs all others with `quick`. */
  readonly startsProcesses?: boolean;
  readonly run: (context: BenchContext) => BenchReport | Promise<BenchReport>;
}

export function atMost(goal: string, measured: number, bound: number): Goal {
  return { goal, measured, at_most: bound, met: measured <= bound };
}
