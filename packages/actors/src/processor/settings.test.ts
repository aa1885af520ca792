import { expect, it } from 'vitest';
import { SettingsError } from '../bounds.ts';
import { processorSettings } from './settings.ts';

it.each([
  ['suspectMs', { suspectMs: 0 }],
  ['lostMs', { lostMs: 2_000 }],
  ['graceMs', { graceMs: -1 }],
  ['skewMs', { skewMs: 2_000 }],
  ['returnMs', { returnMs: Number.NaN }],
  ['drainMs', { drainMs: Number.POSITIVE_INFINITY }],
  ['maxFailureShare', { maxFailureShare: 1.1 }],
  ['recoveredShare', { recoveredShare: 0 }],
  ['maxStuckMs', { maxStuckMs: 0 }],
])('%s is refused by name: %o', (option, given) => {
  expect(() => processorSettings(given)).toThrow(SettingsError);
  expect(() => processorSettings(given)).toThrow(`${option} must be`);
});
