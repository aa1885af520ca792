import { isToken } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import { instanceToken } from './instance-token.ts';

test('a short one says it all', () => {
  expect(instanceToken('motion', 'host-17-ab')).toBe('motion-host-17-ab');
});

test('a long one is a token still, and its own', () => {
  const [a, b] = ['a', 'b'].map((last) => instanceToken('p'.repeat(63), 'i'.repeat(62) + last));
  expect(isToken(a ?? '')).toBe(true);
  expect(a).toHaveLength(63);
  expect(a).not.toBe(b);
  expect(instanceToken('p'.repeat(31), 'i'.repeat(31))).toBe(`${'p'.repeat(31)}-${'i'.repeat(31)}`);
});
