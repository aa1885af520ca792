import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TaskRanges } from './task-ranges.ts';

const positions = (ranges: TaskRanges) =>
  [...ranges].flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));

describe('task ranges', () => {
  test('take, give back and remove behave as on a list of positions', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ take: fc.integer({ min: 1, max: 9 }) }),
        fc.constant('back'),
        fc.record({ drop: fc.nat(6) }),
      ),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), steps, (count, all) => {
        const ranges = new TaskRanges(count);
        let model = Array.from({ length: count }, (_, i) => i);
        let last: number[] = [];
        for (const step of all) {
          if (step === 'back') {
            if (last.length > 0) ranges.giveBack({ from: last[0] ?? 0, to: (last.at(-1) ?? 0) + 1 });
            model = [...last, ...model];
            last = [];
          } else if ('take' in step) {
            const { from, to } = ranges.take(step.take);
            last = model.splice(0, to - from);
            expect(last.length).toBeLessThanOrEqual(step.take);
            if (last.length > 0) expect([from, to]).toEqual([last[0], (last.at(-1) ?? 0) + 1]);
          } else {
            const removed = ranges.remove((i) => i % 7 === step.drop);
            expect(removed).toEqual(model.filter((i) => i % 7 === step.drop));
            model = model.filter((i) => i % 7 !== step.drop);
            last = [];
          }
          expect(positions(ranges)).toEqual(model);
          expect(ranges.count).toBe(model.length);
          expect(ranges.isEmpty).toBe(model.length === 0);
        }
      }),
    );
  });
});
