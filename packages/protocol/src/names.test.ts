import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { token } from '../tests/arbitraries.ts';
import { assertToken, isToken, tokenSchema } from './names.ts';

const refused: [string, unknown][] = [
  ['nothing', ''],
  ['a dot', 'cam.1'],
  ['a space', 'cam 1'],
  ['a wildcard', '*'],
  ['the other wildcard', '>'],
  ['a wildcard inside', 'cam*1'],
  ['64 characters', 'a'.repeat(64)],
  ['300 characters', 'a'.repeat(300)],
  ['a capital', 'Cam1'],
  ['an underscore', 'cam_1'],
  ['a dash in front', '-cam'],
  ['a line end', 'cam\n'],
  ['a zero byte', 'cam\0'],
  ['a letter beyond ASCII', 'caméra'],
  ['a slash', 'a/b'],
  ['undefined', undefined],
  ['a number', 12],
  ['a list', ['cam']],
];

describe('names', () => {
  it.each(refused)('%s is refused, with the rule in the message', (_, value) => {
    const name = value as string;
    expect(isToken(name)).toBe(false);
    expect(() => assertToken('camera', name)).toThrow(
      expect.objectContaining({
        code: 'invalid_name',
        retryable: false,
        message: expect.stringMatching(/^camera .{0,90} is not allowed: use 1 to 63/),
      }),
    );
    expect(tokenSchema('camera').safeParse(name).success).toBe(false);
  });

  it('the schema gives the same message, and quotes long names in part', () => {
    const result = tokenSchema('processor').safeParse('x'.repeat(300));
    const message = result.error?.issues[0]?.message ?? '';
    expect(message).toMatch(/^processor "x{40}…" is not allowed: use 1 to 63 characters/);
    expect(() => assertToken('processor', 'x'.repeat(300))).toThrow(message);
  });

  it('allowed names are allowed everywhere', () => {
    fc.assert(
      fc.property(token, (name) => {
        expect(assertToken('camera', name)).toBe(name);
        expect(tokenSchema('camera').parse(name)).toBe(name);
      }),
    );
    for (const name of ['a', '0', 'a-', 'cam-1', 'a'.repeat(63)]) expect(isToken(name)).toBe(true);
  });
});
