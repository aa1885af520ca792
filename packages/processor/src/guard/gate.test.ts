import { expect, test } from 'vitest';
import { Gate } from './gate.ts';

test('closed while anybody objects; told of changes only, at once', () => {
  const told: (string | undefined)[] = [];
  const gate = new Gate((closedFor) => told.push(closedFor));
  gate.set('hung', false);
  expect(told).toEqual([]);
  gate.set('breaker_open', true);
  gate.set('breaker_open', true);
  gate.set('hung', true);
  expect(told).toEqual(['breaker_open']);
  gate.set('breaker_open', false);
  expect(gate.closedFor).toBe('hung');
  expect(told).toHaveLength(1);
  gate.set('hung', false);
  expect(told).toEqual(['breaker_open', undefined]);
});
