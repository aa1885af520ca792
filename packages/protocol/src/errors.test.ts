import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { frame } from '../tests/arbitraries.ts';
import {
  assertToken,
  encodeBatch,
  encodeRecord,
  FrameBufferError,
  InvalidInputError,
  pack,
  packPixels,
  parseCameraUrl,
  parseFrameId,
  subject,
  unpackPixels,
} from './index.ts';

const gray = { width: 1, height: 1, encoding: 'gray8' } as const;
const one = { frame, ageMs: 0 };

/** Each code with a call that throws it. */
const thrown: Record<string, [typeof FrameBufferError | typeof InvalidInputError, () => unknown]> = {
  invalid_attributes: [InvalidInputError, () => encodeRecord({ ...frame, attributes: { text: 'x'.repeat(2000) } })],
  invalid_batch: [InvalidInputError, () => encodeBatch({ capability: 'motion' }, [])],
  invalid_camera_url: [InvalidInputError, () => parseCameraUrl('x')],
  invalid_frame: [
    InvalidInputError,
    () => encodeBatch({ capability: 'motion' }, [{ ...one, frame: { ...frame, priority: 11 } }]),
  ],
  invalid_frame_id: [InvalidInputError, () => parseFrameId('x')],
  invalid_name: [InvalidInputError, () => assertToken('camera', 'a.b')],
  invalid_picture: [InvalidInputError, () => packPixels(new Uint8Array(2), gray, 'none')],
  invalid_reason: [InvalidInputError, () => subject.dead('motion', 'a.b')],
  invalid_value: [InvalidInputError, () => pack(Symbol('x'))],
  pixels_damaged: [FrameBufferError, () => unpackPixels(new Uint8Array(2), gray, 'lz4')],
};

/** Codes that the sources spell. */
function spelled(): string[] {
  const folder = new URL('.', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /^(?!.*\.test\.ts$).*\.ts$/.test(name),
  );
  const text = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n');
  const invalid = [...text.matchAll(/new InvalidInputError\(\s*'(\w+)'/g)].map(([, what]) => `invalid_${what}`);
  const others = [...text.matchAll(/new FrameBufferError\(\s*'(\w+)'/g)].map(([, code]) => `${code}`);
  // A code that is no literal would escape this table.
  expect([...text.matchAll(/new (InvalidInput|FrameBuffer)Error\(/g)]).toHaveLength(invalid.length + others.length);
  return [...new Set([...invalid, ...others])].sort();
}

/** Rows of the README's table of errors: code, class, retryable. */
function documented(): Record<string, string[]> {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, section = ''] = readme.split('## Errors');
  const rows = [
    ...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` +\| `(\w+)` +\| (yes|no) +\| (\S.*?) +\|$/gm),
  ];
  return Object.fromEntries(
    rows.map(([, code = '', name = '', retryable = '', meaning = '']) => [code, [name, retryable, meaning]]),
  );
}

describe('errors', () => {
  it('code, class and documentation agree', () => {
    const table = documented();
    expect(Object.keys(table).sort()).toEqual(spelled());
    expect(Object.keys(thrown).sort()).toEqual(spelled());
    for (const [code, [type, call]] of Object.entries(thrown)) {
      let error: unknown;
      try {
        call();
      } catch (caught) {
        error = caught;
      }
      if (!(error instanceof FrameBufferError)) throw new Error(`${code} was not thrown`, { cause: error });
      expect(error.code).toBe(code);
      expect(error.constructor).toBe(type);
      expect(table[code]?.slice(0, 2)).toEqual([error.name, error.retryable ? 'yes' : 'no']);
    }
  });

  it('carry a cause where there is one, and are not retryable unless said', () => {
    const cause = new Error('x');
    expect(new FrameBufferError('a', 'b', { cause, retryable: true })).toMatchObject({
      code: 'a',
      message: 'b',
      cause,
      retryable: true,
    });
    expect('cause' in new FrameBufferError('a', 'b')).toBe(false);
    expect(new InvalidInputError('thing', 'b')).toMatchObject({
      code: 'invalid_thing',
      retryable: false,
      name: 'InvalidInputError',
    });
  });
});
