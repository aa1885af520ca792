import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameBufferError } from '../errors.ts';
import { type CameraSource, cameraSchema, parseCameraUrl } from './camera.ts';

const pattern = (width: number, height: number, fps: number): CameraSource => ({
  type: 'test-pattern',
  width,
  height,
  fps,
});

describe('parseCameraUrl', () => {
  it.each<[string, CameraSource]>([
    ['rtsp://10.0.0.5/stream1', { type: 'rtsp', url: 'rtsp://10.0.0.5/stream1' }],
    ['rtsps://cam.example:322/a?b=c', { type: 'rtsp', url: 'rtsps://cam.example:322/a?b=c' }],
    ['rtsp://u:p%40ss@[::1]:554/x', { type: 'rtsp', url: 'rtsp://u:p%40ss@[::1]:554/x' }],
    ['RTSP://Cam/Path', { type: 'rtsp', url: 'rtsp://Cam/Path' }],
    ['http://cam/mjpeg', { type: 'http', url: 'http://cam/mjpeg' }],
    ['https://u:p@cam/mjpeg', { type: 'http', url: 'https://u:p@cam/mjpeg' }],
    ['file:///videos/a.mp4', { type: 'file', path: '/videos/a.mp4', loop: true }],
    ['file:///videos/a%20b%23.mp4?loop=false', { type: 'file', path: '/videos/a b#.mp4', loop: false }],
    ['test-pattern:', pattern(640, 360, 10)],
    ['test-pattern:?width=64&height=64&fps=0.1', pattern(64, 64, 0.1)],
    ['test-pattern:?width=3840&height=2160&fps=500', pattern(3840, 2160, 500)],
    ['test-pattern:?width=101&height=99', pattern(100, 98, 10)],
    ['push:', { type: 'push' }],
  ])('reads %s', (url, source) => {
    expect(parseCameraUrl(url)).toEqual(source);
  });

  it.each([
    ['', 'malformed'],
    ['cam1', 'malformed'],
    ['//host/path', 'malformed'],
    ['/videos/a.mp4', 'malformed'],
    ['rtsp://', 'no host'],
    ['rtsp:host/path', 'no host'],
    ['rtsp:///path', 'no host'],
    ['rtsp://host:99999/', 'malformed'],
    ['rtsp://host:port/', 'malformed'],
    ['rtsp://user:hunter2@/path', 'malformed'],
    ['http://', 'malformed'],
    ['http:host/path', 'no host'],
    ['file:a.mp4', 'absolute path'],
    ['file://host/a.mp4', 'absolute path'],
    ['file:///', 'absolute path'],
    ['file:///a#1.mp4', '%23'],
    ['file:///a%zz.mp4', 'percent-encoded'],
    ['file:///a%00.mp4', 'control character'],
    ['file:///a%0a.mp4', 'control character'],
    ['test-pattern:?width=63', 'width must be a number from 64 to 3840'],
    ['test-pattern:?width=3841', 'width must be'],
    ['test-pattern:?height=2161', 'height must be'],
    ['test-pattern:?height=tall', 'height must be'],
    ['test-pattern:?fps=0', 'fps must be a number from 0.1 to 500'],
    ['test-pattern:?fps=501', 'fps must be'],
    ['test-pattern:?fps=', 'fps must be'],
    ['ftp://host/a', 'scheme is not known'],
    ['data:image/png;base64,AA', 'scheme is not known'],
    ['javascript:alert(1)', 'scheme is not known'],
    ['admin:hunter2@host/path', 'scheme is not known'],
    ['hunter2:x@host', 'scheme is not known'],
    ['rtsp://host/a b', 'control character'],
    ['rtsp://host/a\nb', 'control character'],
    ['rtsp://host/\0', 'control character'],
    ['rtsp://host/\x7f', 'control character'],
    [`rtsp://host/${'x'.repeat(2048)}`, 'longer than 2048'],
  ])('refuses %j: %s', (url, fault) => {
    const error = refusal(url);
    expect(error).toMatchObject({ code: 'invalid_camera_url', retryable: false });
    expect(error?.message).toContain(fault);
    expect(error?.message).toContain('Allowed: rtsp://host/path');
    expect(error?.message).not.toContain('hunter2');
  });

  it('never throws anything else, and never quotes what it was given', () => {
    const secret = fc.stringMatching(/^[a-z0-9]{12}$/).map((text) => `s3cr3t${text}`);
    const around = fc.constantFrom(
      'rtsp',
      'rtsp:',
      'rtsp://',
      'http://u:',
      'file:///',
      'test-pattern:?fps=',
      'x://',
      '',
      'a:',
      'rtsp://u:',
    );
    const after = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.constantFrom('@host', '@', ':', '@host:99999', '://', '@ho st'),
    );
    fc.assert(
      fc.property(around, secret, after, (before, password, rest) => {
        expect(refusal(before + password + rest)?.message ?? '').not.toContain(password);
      }),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.oneof(fc.string(), fc.webUrl()), (url) => void refusal(url)));
  });
});

function refusal(url: string): FrameBufferError | undefined {
  try {
    parseCameraUrl(url);
    return undefined;
  } catch (error) {
    if (error instanceof FrameBufferError && error.code === 'invalid_camera_url') return error;
    throw error;
  }
}

describe('cameraSchema', () => {
  const camera = { name: 'entrance', url: 'test-pattern:', capabilities: ['motion'] };

  it('fills in defaults', () => {
    expect(cameraSchema.parse(camera)).toEqual({ ...camera, priority: 5 });
  });

  it('reports a bad URL without its password', () => {
    const result = cameraSchema.safeParse({ ...camera, url: 'rtsp://admin:hunter2@host:99999/' });
    expect(result.error?.issues[0]).toMatchObject({ path: ['url'], message: expect.stringContaining('malformed') });
    expect(JSON.stringify(result.error?.issues)).not.toContain('hunter2');
  });

  it('reports all faults at once', () => {
    const result = cameraSchema.safeParse({ name: 'a.b', url: 'x', capabilities: [], priority: 11 });
    expect(result.error?.issues.map(({ path }) => path.join('.')).sort()).toEqual([
      'capabilities',
      'name',
      'priority',
      'url',
    ]);
  });
});
