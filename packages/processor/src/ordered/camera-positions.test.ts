import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CameraPositions } from './camera-positions.ts';

describe('camera positions', () => {
  test('C1 - whatever comes, in any order, what is begun only goes forward', () => {
    const frame = fc.record({
      camera: fc.constantFrom('a', 'b'),
      epoch: fc.integer({ min: 1, max: 3 }),
      sequence: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(frame), (frames) => {
        const positions = new CameraPositions({});
        const newest = new Map<string, number>();
        const settled = new Set<string>();
        for (const { camera, epoch, sequence } of frames) {
          const at = epoch * 100 + sequence;
          const id = `${camera}.${at}`;
          const standing = positions.standingOf(camera, epoch, sequence, false);
          const isNext = at > (newest.get(camera) ?? 0);
          expect(standing).toBe(isNext ? 'next' : settled.has(id) ? 'done' : 'late');
          if (standing === 'next') {
            positions.begun(camera, epoch, sequence);
            newest.set(camera, at);
          }
          positions.concluded(camera, epoch, sequence);
          settled.add(id);
        }
      }),
    );
  });

  test('C2 - what is handed on is what is concluded; the next owner takes a repeat of it for done, anything else for late', () => {
    const former = new CameraPositions({});
    for (const sequence of [1, 2, 3]) former.begun('a', 1, sequence);
    former.concluded('a', 1, 1);
    former.concluded('a', 1, 2);
    expect(former.handOn()).toEqual({ a: [1, 2] });
    const next = new CameraPositions(former.handOn());
    expect(next.standingOf('a', 1, 2, true)).toBe('done');
    expect(next.standingOf('a', 1, 2, false)).toBe('late');
    expect(next.standingOf('a', 1, 3, true)).toBe('next');
    expect(next.standingOf('b', 1, 1, true)).toBe('next');
    next.begun('a', 2, 1);
    expect(next.standingOf('a', 1, 900, true)).toBe('late');
  });

  test('what is remembered is bounded', () => {
    const positions = new CameraPositions({});
    for (let sequence = 1; sequence <= 1_000; sequence++) {
      positions.begun('a', 1, sequence);
      positions.concluded('a', 1, sequence);
    }
    expect(positions.standingOf('a', 1, 999, false)).toBe('done');
    expect(positions.standingOf('a', 1, 1, false)).toBe('late');
    expect(positions.handOn()).toEqual({ a: [1, 1_000] });
  });
});
