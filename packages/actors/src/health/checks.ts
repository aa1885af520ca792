/**
 * The level of each check, which follows its results with hysteresis: one that differs now and then changes nothing.
 *
 * A check has the level of its first result at once. Afterwards it moves when enough results in a row lie on the same side of
 * its level, and then no further than the least distant of them: two results in a row that are worse, one of them failing and
 * one degraded, make it degraded.
 */
import type { HealthSettings } from './settings.ts';

/** From good to bad. */
export const checkLevels = ['ok', 'degraded', 'failing'] as const;

export type CheckLevel = (typeof checkLevels)[number];

export interface Check {
  readonly level: CheckLevel;
  /** Results in a row on the same side of `level`: worse above 0, better below 0. */
  readonly streak: number;
  /** The one among them that is nearest to `level`; `level` itself when there are none. */
  readonly nearest: CheckLevel;
  /** Of the last result, Unix time in ms. */
  readonly at: number;
}

/** By name. */
export type Checks = Readonly<Record<string, Check>>;

export interface CheckResult {
  readonly check: string;
  readonly result: CheckLevel;
  readonly at: number;
}

export function isOutdated(checks: Checks, { check, at }: CheckResult): boolean {
  const known = checks[check];
  return known !== undefined && at < known.at;
}

export function withResult(checks: Checks, result: CheckResult, settings: HealthSettings): Checks {
  return { ...checks, [result.check]: follow(checks[result.check], result, settings) };
}

export function withoutCheck(checks: Checks, check: string): Checks {
  const { [check]: _, ...others } = checks;
  return others;
}

/** The worst level among them; undefined when there are none. */
export function worstLevel(checks: Checks): CheckLevel | undefined {
  return checkLevels.findLast((level) => Object.values(checks).some((check) => check.level === level));
}

function follow(before: Check | undefined, { result, at }: CheckResult, settings: HealthSettings): Check {
  const side = before === undefined ? 0 : Math.sign(severity(result) - severity(before.level));
  if (before === undefined || side === 0) return { level: result, streak: 0, nearest: result, at };
  const goesOn = Math.sign(before.streak) === side;
  const streak = goesOn ? before.streak + side : side;
  const nearest = goesOn ? nearer(before.nearest, result, side) : result;
  const needed = side > 0 ? settings.worseAfter : settings.betterAfter;
  if (Math.abs(streak) >= needed) return { level: nearest, streak: 0, nearest, at };
  return { level: before.level, streak, nearest, at };
}

/** Of two levels on the same side, the one that is less far away. */
function nearer(a: CheckLevel, b: CheckLevel, side: number): CheckLevel {
  return (severity(a) - severity(b)) * side < 0 ? a : b;
}

function severity(level: CheckLevel): number {
  return checkLevels.indexOf(level);
}
