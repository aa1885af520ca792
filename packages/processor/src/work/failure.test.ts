import { expect, test } from 'vitest';
import { decide } from './failure.ts';

test.each([
  ['threw', 'untouched', false, { action: 'deadLetter', reason: 'handler_failed' }],
  ['threw', 'here', false, { action: 'deadLetter', reason: 'handler_failed' }],
  ['threw', 'damaged', false, { action: 'deadLetter', reason: 'handler_failed' }],
  ['timed_out', 'here', false, { action: 'deadLetter', reason: 'timed_out' }],
  ['threw', 'evicted', false, { action: 'deadLetter', reason: 'pixels_evicted' }],
  ['timed_out', 'evicted', true, { action: 'deadLetter', reason: 'pixels_evicted' }],
  ['threw', 'unavailable', true, { action: 'again', delayMs: 1_000 }],
  ['timed_out', 'waiting', true, { action: 'again', delayMs: 1_000 }],
  // A neighbour in the same call wants for its picture: this frame cannot be blamed either.
  ['timed_out', 'here', true, { action: 'again', delayMs: 1_000 }],
] as const)('%s, picture %s, broker in trouble: %s', (kind, picture, isBrokerTrouble, decision) => {
  expect(decide({ kind, picture, isBrokerTrouble })).toEqual(decision);
});
