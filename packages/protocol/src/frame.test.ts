import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { descriptor } from '../tests/arbitraries.ts';
import { frameId, parseFrameId, SIZE_CLASSES, sizeClassOf } from './frame.ts';

describe('frame id', () => {
  it('comes apart again into camera, epoch and sequence', () => {
    fc.assert(
      fc.property(descriptor, ({ camera, epoch, sequence }) => {
        expect(parseFrameId(frameId({ camera, epoch, sequence }))).toEqual({ camera, epoch, sequence });
      }),
    );
  });

  it.each([
    '',
    'cam1',
    'cam1.1',
    'cam1.1.',
    '.1.1',
    'cam1.1.1.1',
    'Cam1.1.1',
    'cam1.-1.1',
    'cam1.1.0',
    'cam1.1.01',
    'cam1.01.1',
    'cam1.1.1e3',
    'cam1.1.1\n',
    'cam1.1.1234567890123456',
    '*.1.1',
    `${'x'.repeat(300)}.1.1`,
  ])('%j is none', (id) => {
    expect(() => parseFrameId(id)).toThrow(expect.objectContaining({ code: 'invalid_frame_id' }));
    expect(() => parseFrameId(id)).toThrow(/^.{0,150}is no frame id: use <camera>\.<epoch>\.<sequence>$/);
  });
});

describe('size class', () => {
  it.each([
    [0, 0, 'none'],
    [1, 1, 'sd'],
    [768, 576, 'sd'],
    [769, 576, 'hd'],
    [1280, 720, 'hd'],
    [1920, 1088, 'full-hd'],
    [3840, 2160, 'uhd'],
    [3841, 2160, 'larger'],
    [65_535, 65_535, 'larger'],
  ])('%d × %d is %s', (width, height, name) => {
    expect(sizeClassOf(width, height)).toBe(name);
    expect(SIZE_CLASSES).toContain(name);
  });
});
