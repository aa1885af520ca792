import { describe, expect, test } from 'vitest';
import { RATE_SECONDS, RateMeter } from './rates.ts';

describe('rates', () => {
  test('are means over the last whole seconds, by the stamps', () => {
    const meter = new RateMeter();
    for (let second = 0; second < 20; second++) meter.add('cam1', 10, second * 1000 + 300);
    expect(meter.perSecond('cam1', 20_000)).toBe(10);
    expect(meter.perSecond('cam1', 22_000)).toBe(6);
    expect(meter.perSecond('cam1', 20_000 + RATE_SECONDS * 1000)).toBe(0);
  });

  test('what is stamped long ago counts nothing, however late it is read', () => {
    const meter = new RateMeter();
    meter.add('cam1', 1_000_000, 1_000);
    expect(meter.perSecond('cam1', 60_000)).toBe(0);
  });

  test('the second that is not over yet is left out, so that a steady rate reads steady', () => {
    const meter = new RateMeter();
    for (let at = 0; at < 10_500; at += 100) meter.add('cam1', 1, at);
    expect(meter.perSecond('cam1', 10_500)).toBe(10);
  });

  test('names are forgotten when nothing happens any more', () => {
    const meter = new RateMeter();
    meter.add('cam1', 1, 1_000);
    expect(meter.names(2_000)).toEqual(['cam1']);
    expect(meter.names(60_000)).toEqual([]);
  });
});
