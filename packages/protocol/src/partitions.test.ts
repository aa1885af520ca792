import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assignmentKey,
  fenceSubject,
  MAX_PARTITIONS,
  parseAssignmentKey,
  parsePartitionDurable,
  parsePartitionLane,
  partitionDurable,
  partitionLane,
  partitionOf,
  partitionsOf,
} from './partitions.ts';
import { policySchema } from './records/policy.ts';

describe('partitions', () => {
  // FNV-1a of these: e40c292c, 6aeed327, 21f5b729, 1660eb12, e291c638, 6cb128b1. In any language.
  it.each<[string, number, number, number]>([
    ['a', 4, 12, 44],
    ['cam1', 7, 7, 39],
    ['door', 1, 9, 41],
    ['gate', 2, 2, 18],
    ['camera-1', 0, 8, 56],
    ['cam-8', 1, 1, 49],
  ])('%s belongs to partition %i of 8, %i of 16, %i of 64', (camera, of8, of16, of64) => {
    expect([8, 16, 64].map((n) => partitionOf(camera, n))).toEqual([of8, of16, of64]);
    expect(partitionOf(camera, 1)).toBe(0);
  });

  it('cameras spread over the partitions', () => {
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) {
      const partition = partitionOf(`camera-${i}`, 16);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    expect(Math.max(...counts)).toBeLessThan(1_100);
    expect(Math.min(...counts)).toBeGreaterThan(900);
  });

  it('names of lanes, consumers and keys can be read back, and nothing else is one', () => {
    const partition = fc.integer({ min: 0, max: MAX_PARTITIONS - 1 });
    fc.assert(
      fc.property(partition, fc.nat(), (p, epoch) => {
        expect(parsePartitionLane(partitionLane(p))).toBe(p);
        expect(parseAssignmentKey(assignmentKey('a-b', p))).toEqual({ processor: 'a-b', partition: p });
        expect(parsePartitionDurable(partitionDurable('a-b', p, epoch))).toEqual({
          processor: 'a-b',
          partition: p,
          epoch,
        });
      }),
    );
    for (const lane of ['', 'p', 'p64', 'p01', 'p-1', 'normal', 'p1 ', 'q1'])
      expect(parsePartitionLane(lane)).toBeUndefined();
    for (const key of ['a', 'a.p1.x', 'A.p1', 'a.normal']) expect(parseAssignmentKey(key)).toBeUndefined();
    for (const name of ['motion', 'motion_drain_e3', 'motion_p1', 'm_p1_e', 'm_p1_e1_x'])
      expect(parsePartitionDurable(name)).toBeUndefined();
    for (const wrong of [-1, 64, 1.5, Number.NaN]) expect(() => partitionLane(wrong)).toThrow('0 to 63');
  });

  it("a fence's subject is nobody's own", () => {
    expect(fenceSubject.settlements('motion', 3)).toBe('settled.motion_p3');
    expect(fenceSubject.results('motion', 3)).toBe('results._fence.motion_p3');
  });

  it('a policy is ordered when it says so', () => {
    const partitions = (policy: object) => partitionsOf(policySchema.parse(policy));
    expect(partitionsOf(undefined)).toBe(0);
    expect([{}, { ordered: false }, { ordered: true }, { ordered: true, partitions: 3 }].map(partitions)).toEqual([
      0, 0, 8, 3,
    ]);
  });

  it.each<[object, string]>([
    [{ ordered: true, partitions: 65 }, 'Too big: expected number to be <=64'],
    [{ ordered: true, partitions: 0 }, 'Too small: expected number to be >=1'],
    [{ partitions: 4 }, 'only an ordered capability has partitions'],
    [{ ordered: true, strategy: 'round-robin' }, 'sticky by partition: round-robin would break its order'],
    [{ ordered: true, fallback: [{ require: 'cpu', when: 'full' }] }, 'would break its order'],
  ])('%j is refused', (policy, message) => {
    expect(
      policySchema
        .safeParse(policy)
        .error?.issues.map((issue) => issue.message)
        .join(),
    ).toContain(message);
  });
});
