import { describe, expect, it } from 'vitest';
import { assertReason, isOutcome, OUTCOMES, REASONS, SETTLEMENT_KINDS } from './outcome.ts';

describe('outcomes', () => {
  it('are five, each with reasons, and a reason belongs to one outcome', () => {
    expect(OUTCOMES).toEqual(['processed', 'superseded', 'expired', 'shed', 'dead_lettered']);
    expect(Object.keys(REASONS)).toEqual([...OUTCOMES]);
    for (const outcome of OUTCOMES) expect(REASONS[outcome].length).toBeGreaterThan(0);
    const reasons = Object.values(REASONS).flat();
    expect(new Set(reasons).size).toBe(reasons.length);
  });

  it('are what a settlement may say, beside three kinds that end nothing', () => {
    expect(SETTLEMENT_KINDS.filter(isOutcome)).toEqual([...OUTCOMES]);
    expect(SETTLEMENT_KINDS.filter((kind) => !isOutcome(kind))).toEqual(['captured', 'routed', 'returned']);
  });

  it('have reasons that can stand in a subject', () => {
    for (const reason of Object.values(REASONS).flat()) expect(assertReason(reason)).toBe(reason);
    for (const wrong of ['', 'a.b', '*', '>', 'a b', '_a', 'A', 'a'.repeat(64)])
      expect(() => assertReason(wrong)).toThrow(expect.objectContaining({ code: 'invalid_reason' }));
  });
});
