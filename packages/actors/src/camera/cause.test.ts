import { describe, expect, it } from 'vitest';
import { type CauseCode, endCause, isCauseCode, reactionTo } from './cause.ts';

describe('causes', () => {
  it.each<[CauseCode, boolean]>([
    ['connection_refused', false],
    ['timed_out', false],
    ['not_found', false],
    ['format_changed', false],
    ['ended', false],
    ['unauthorized', true],
    ['ffmpeg_missing', true],
    ['file_missing', true],
    ['malformed_url', true],
  ])('%s is permanent: %s', (code, permanent) => {
    expect(endCause(code, 'x')).toEqual({ code, permanent, detail: 'x' });
  });

  it('an end is final only for a source that has one', () => {
    expect(reactionTo(endCause('ended', 'x'))).toBe('retry');
    expect(reactionTo(endCause('ended', 'x', { finished: true }))).toBe('finish');
  });

  it('knows its codes', () => {
    expect(isCauseCode('stalled')).toBe(true);
    expect(isCauseCode('toString')).toBe(false);
  });
});
