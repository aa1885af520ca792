/** What a scenario is: a whole system under load and faults, measured, with goals that its figures meet or miss. */

export interface Goal {
  readonly goal: string;
  readonly value: number;
  readonly met: boolean;
}

export interface Outcome {
  /** Figures; units are suffixes of their names. */
  readonly [figure: string]: unknown;
  readonly goals: readonly Goal[];
}

export interface ScenarioContext {
  /** One line for a person who waits; goes to stderr. */
  readonly progress: (text: string) => void;
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  run(context: ScenarioContext): Promise<Outcome>;
}

export function atMost(goal: string, value: number, limit: number): Goal {
  return { goal: `${goal} <= ${limit}`, value, met: value <= limit };
}

export function atLeast(goal: string, value: number, limit: number): Goal {
  return { goal: `${goal} >= ${limit}`, value, met: value >= limit };
}

export function exactly(goal: string, value: number, wanted: number): Goal {
  return { goal: `${goal} = ${wanted}`, value, met: value === wanted };
}
