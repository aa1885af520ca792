import { describe, expect, it } from 'vitest';
import { classifyEnd, type FfmpegEnd } from './classify.ts';

const url = 'rtsp://user:secret@10.0.0.1:554/live';
const base: FfmpegEnd = {
  input: { type: 'rtsp', url },
  code: 1,
  signal: null,
  stderr: '',
  hadPictures: false,
  stoppedByUs: false,
};
const file = { type: 'file', path: '/v.mp4', loop: false } as const;

describe('classifyEnd', () => {
  it.each<[string, string, Partial<FfmpegEnd>]>([
    [
      'refused',
      'connection_refused',
      {
        stderr: `[tcp @ 0x55] Connection to tcp://10.0.0.1:554?timeout=0 failed: Connection refused\n${url}: Connection refused\n`,
      },
    ],
    [
      'no such host',
      'host_not_found',
      {
        stderr: `[tcp @ 0x56] Failed to resolve hostname nohost: Name or service not known\n${url}: Input/output error\n`,
      },
    ],
    ['connect timed out', 'timed_out', { stderr: `${url}: Connection timed out\n` }],
    ['server went silent', 'timed_out', { code: 0, hadPictures: true, stderr: `${url}: Connection timed out\n` }],
    ['no route', 'unreachable', { stderr: `${url}: No route to host\n` }],
    [
      '401',
      'unauthorized',
      {
        stderr: `[rtsp @ 0x5] method OPTIONS failed: 401 Unauthorized\n${url}: Server returned 401 Unauthorized (authorization failed)\n`,
      },
    ],
    ['403', 'unauthorized', { stderr: `${url}: Server returned 403 Forbidden (access denied)\n` }],
    [
      '404',
      'not_found',
      { stderr: `[rtsp @ 0x5] method DESCRIBE failed: 404 Not Found\n${url}: Server returned 404 Not Found\n` },
    ],
    ['500', 'server_error', { stderr: `${url}: Server returned 5XX Server Error reply\n` }],
    ['garbage', 'invalid_data', { stderr: `${url}: Invalid data found when processing input\n` }],
    ['closed at once', 'invalid_data', { stderr: `${url}: End of file\n` }],
    [
      'audio only',
      'no_video',
      { stderr: "Stream map '0:v:0' matches no streams.\nTo ignore this, add a trailing '?' to the map.\n" },
    ],
    ['unknown scheme', 'malformed_url', { stderr: 'foo://x: Protocol not found\nDid you mean file:foo://x?\n' }],
    ['server gone', 'ended', { code: 0, hadPictures: true }],
    [
      'server gone, after decoding errors',
      'ended',
      { code: 0, hadPictures: true, stderr: '[h264 @ 0x5] Invalid data found when processing input\n' },
    ],
    ['hung up on', 'ended', { stderr: `${url}: Connection reset by peer\n` }],
    [
      'HTTP garbage',
      'invalid_data',
      { stderr: `[http @ 0x5] Stream ends prematurely at 5489\n${url}: Input/output error\n` },
    ],
    ['cut in a picture', 'ended', { hadPictures: true, stderr: `[http @ 0x5] Stream ends prematurely at 5489\n` }],
    ['ended without a picture', 'no_video', { code: 0 }],
    [
      'resolution changed',
      'format_changed',
      {
        hadPictures: true,
        stderr: '[mjpeg @ 0x5] Invalid pts (0) <= last (9)\nError submitting video frame to the encoder\n',
      },
    ],
    ['killed', 'crashed', { code: null, signal: 'SIGSEGV', hadPictures: true }],
    ['unknown text', 'crashed', { stderr: 'Unrecognized option\n' }],
    ['no text', 'crashed', { code: 187 }],
    ['stopped by us, whatever it says', 'stopped', { code: 255, stderr: 'Connection refused', stoppedByUs: true }],
    ['file absent', 'file_missing', { input: file, stderr: 'file:/v.mp4: No such file or directory\n' }],
    ['a missing file is a matter of files', 'crashed', { stderr: `${url}: No such file or directory\n` }],
    ['file at its end', 'ended', { input: file, code: 0, hadPictures: true }],
  ])('%s: %s', (_, code, end) => {
    expect(classifyEnd({ ...base, ...end }).code).toBe(code);
  });

  it('only a file that is not looped is finished at its end', () => {
    const end = { ...base, code: 0, hadPictures: true };
    expect(classifyEnd({ ...end, input: file }).permanent).toBe(true);
    expect(classifyEnd({ ...end, input: { ...file, loop: true } }).permanent).toBe(false);
    expect(classifyEnd(end).permanent).toBe(false);
  });

  it('the detail is the last line, without password and addresses of memory', () => {
    const { detail } = classifyEnd({ ...base, stderr: `first\n[rtsp @ 0x55c0a1] ${url}: Connection refused\n` });
    expect(detail).toBe('[rtsp] rtsp://***@10.0.0.1:554/live: Connection refused');
  });
});
