import { describe, expect, it } from 'vitest';
import { type CheckLevel, type Checks, withoutCheck, withResult, worstLevel } from './checks.ts';
import { healthSettings } from './settings.ts';

const settings = healthSettings({ worseAfter: 2, betterAfter: 3 });

function levelAfter(results: readonly CheckLevel[]): CheckLevel | undefined {
  const checks = results.reduce<Checks>(
    (before, result, at) => withResult(before, { check: 'a', result, at }, settings),
    {},
  );
  return checks['a']?.level;
}

describe('checks - H3: the level that results lead to', () => {
  it.each<[string, readonly CheckLevel[], CheckLevel]>([
    ['the first counts at once', ['failing'], 'failing'],
    ['one worse', ['ok', 'failing'], 'ok'],
    ['two worse', ['ok', 'failing', 'failing'], 'failing'],
    ['two worse, but not in a row', ['ok', 'failing', 'ok', 'failing'], 'ok'],
    ['two worse by different degrees: the lesser one', ['ok', 'failing', 'degraded'], 'degraded'],
    ['in the other order too', ['ok', 'degraded', 'failing'], 'degraded'],
    ['and then on', ['ok', 'degraded', 'failing', 'failing', 'failing'], 'failing'],
    ['two better', ['failing', 'ok', 'ok'], 'failing'],
    ['three better', ['failing', 'ok', 'ok', 'ok'], 'ok'],
    ['three better by different degrees: the lesser one', ['failing', 'ok', 'degraded', 'ok'], 'degraded'],
    ['three better, but not in a row', ['failing', 'ok', 'ok', 'failing', 'ok'], 'failing'],
    ['better and worse by turns', ['degraded', 'ok', 'failing', 'ok', 'failing', 'ok', 'failing'], 'degraded'],
    ['a streak that changed sides starts anew', ['degraded', 'ok', 'ok', 'failing', 'ok', 'ok'], 'degraded'],
    ['a streak is used up when the level moves', ['ok', 'failing', 'failing', 'ok', 'ok', 'ok'], 'ok'],
  ])('%s: %o', (_, results, level) => {
    expect(levelAfter(results)).toBe(level);
  });
});

it('the worst one decides, and one that is gone does not', () => {
  const one = withResult({}, { check: 'a', result: 'degraded', at: 1 }, settings);
  const two = withResult(one, { check: 'b', result: 'failing', at: 1 }, settings);
  expect(worstLevel(two)).toBe('failing');
  expect(worstLevel(withoutCheck(two, 'b'))).toBe('degraded');
  expect(worstLevel(withoutCheck(one, 'a'))).toBe(undefined);
});
