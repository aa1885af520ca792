import { describe, expect, test } from 'vitest';
import { isLeftOver, wantedCameras } from './camera-option.ts';

const summary = (count: number, options: readonly string[]) =>
  wantedCameras(count, options).map(({ name, url }) => `${name} ${url}`);

describe('wantedCameras', () => {
  test('test patterns first, then the options, with or without a name', () => {
    expect(summary(2, ['rtsp://u:p@host/a?x=1', 'door=http://host/mjpeg', 'test-pattern:?width=320&fps=5'])).toEqual([
      'cam-1 test-pattern:?width=640&height=360&fps=10',
      'cam-2 test-pattern:?width=640&height=360&fps=10',
      'camera-1 rtsp://u:p@host/a?x=1',
      'door http://host/mjpeg',
      'camera-3 test-pattern:?width=320&fps=5',
    ]);
  });

  test('every camera asks for what the samples can do', () => {
    expect(wantedCameras(1, [])[0]).toMatchObject({ capabilities: ['motion', 'quality'], priority: 5 });
  });

  test.each([
    ['Front.Door=rtsp://host/a', /the name "Front.Door" is not allowed/],
    ['=rtsp://host/a', /the name "" is not allowed/],
    ['door=', /number 1: .*malformed/],
    ['ftp://host/a', /number 1: .*scheme is not known/],
    ['rtsp://', /number 1: /],
    ['cam-1=rtsp://host/a', /two cameras named "cam-1"/],
  ])('refuses %s', (option, message) => {
    expect(() => wantedCameras(1, [option])).toThrow(message);
  });

  test('C1 a password is never quoted', () => {
    const message = messageOf(() => wantedCameras(0, ['gopher://admin:s3cret@host/a']));
    expect(message).toMatch(/number 1/);
    expect(message).not.toMatch(/s3cret|admin/);
  });
});

test('C2 only test patterns under the names of test patterns are left over', () => {
  const wanted = wantedCameras(2, []);
  const url = 'test-pattern:?width=640&height=360&fps=10';
  expect(isLeftOver({ name: 'cam-3', url }, wanted)).toBe(true);
  expect(isLeftOver({ name: 'cam-2', url }, wanted)).toBe(false);
  expect(isLeftOver({ name: 'cam-3', url: 'rtsp://host/a' }, wanted)).toBe(false);
  expect(isLeftOver({ name: 'door', url }, wanted)).toBe(false);
});

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return String(error);
  }
  return '';
}
