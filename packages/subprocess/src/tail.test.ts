import { describe, expect, it } from 'vitest';
import { Tail } from './tail.ts';

function tailOf(keepBytes: number, ...chunks: string[]): string {
  const tail = new Tail(keepBytes);
  for (const chunk of chunks) tail.push(Buffer.from(chunk));
  return tail.toString();
}

describe('Tail', () => {
  it('keeps everything that fits, an unfinished line too', () => {
    expect(tailOf(10, 'one\n', 'two')).toBe('one\ntwo');
  });

  it('keeps whole lines from the end', () => {
    expect(tailOf(10, 'first\nsecond\n', 'third\n')).toBe('third\n');
  });

  it('never keeps the end of a line whose beginning is gone', () => {
    expect(tailOf(10, 'rtsp://user:password@host/')).toBe('');
    expect(tailOf(10, 'rtsp://user:password', '@host\nend')).toBe('end');
  });

  it('may keep nothing', () => {
    expect(tailOf(0, 'text\n')).toBe('');
  });
});
