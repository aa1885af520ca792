import { describe, expect, it } from 'vitest';
import { redact, redactUrl } from './redact.ts';

describe('redact', () => {
  it.each([
    ['rtsp://user:secret@host:554/path', 'rtsp://***@host:554/path'],
    ['rtsp://host/path', 'rtsp://host/path'],
    ['http://host/video?user=a&password=secret&x=1', 'http://host/video?user=a&password=***&x=1'],
    ['rtsp://host/user=admin&password=secret&channel=1', 'rtsp://host/user=admin&password=***&channel=1'],
    ['rtsp://user:p@ss/secret@host/path', 'rtsp://***@host/path'],
  ])('%s is shown as %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });

  it('finds the secrets of the camera where they stand alone, decoded too', () => {
    expect(redact('login "s%26cret" or s&cret refused', 'rtsp://me:s%26cret@host/')).toBe('login "***" or *** refused');
  });

  it('leaves text alone', () => {
    expect(redact('Connection refused', 'rtsp://me:x@host/')).toBe('Connection refused');
    expect(redact('100% done', 'rtsp://me:%zz@host/')).toBe('100% done');
  });
});
