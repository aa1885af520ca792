import { expect, test } from 'vitest';
import { KeyedLock } from './keyed-lock.ts';

test('one at a time per key, in order; other keys do not wait; a failure holds up nobody', async () => {
  const locks = new KeyedLock();
  const first = Promise.withResolvers<void>();
  const order: string[] = [];
  const failing = locks.hold('a', async () => {
    await first.promise;
    order.push('a1');
    throw new Error('failed');
  });
  const second = locks.hold('a', async () => order.push('a2'));
  await locks.hold('b', async () => order.push('b'));
  first.resolve();
  await expect(failing).rejects.toThrow('failed');
  await second;
  expect(order).toEqual(['b', 'a1', 'a2']);
});
