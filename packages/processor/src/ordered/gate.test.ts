import { expect, test } from 'vitest';
import { Gate } from './gate.ts';

test('at most so many at the same time, in the order of their coming, also behind one that fails', async () => {
  const gate = new Gate(2);
  const began: number[] = [];
  const ends: (() => void)[] = [];
  const all = Array.from({ length: 5 }, (_, i) =>
    gate
      .pass(async () => {
        began.push(i);
        await new Promise<void>((resolve) => {
          ends[i] = resolve;
        });
        if (i === 0) throw new Error('failed');
        return i;
      })
      .catch(() => -1),
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  expect(began).toEqual([0, 1]);
  ends[0]?.();
  await turn();
  expect(began).toEqual([0, 1, 2]);
  ends[2]?.();
  ends[1]?.();
  await turn();
  expect(began).toEqual([0, 1, 2, 3, 4]);
  ends[3]?.();
  ends[4]?.();
  expect(await Promise.all(all)).toEqual([-1, 1, 2, 3, 4]);
});
