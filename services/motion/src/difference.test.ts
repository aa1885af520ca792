import { expect, test } from 'vitest';
import { difference } from './difference.ts';
import { THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH } from './thumbnail.ts';

const picture = { width: 1280, height: 720 };

function thumbnail(paint: (x: number, y: number) => number): Uint8Array {
  const bytes = new Uint8Array(THUMBNAIL_WIDTH * THUMBNAIL_HEIGHT);
  for (let i = 0; i < bytes.length; i++) bytes[i] = paint(i % THUMBNAIL_WIDTH, Math.floor(i / THUMBNAIL_WIDTH));
  return bytes;
}

const grey = thumbnail(() => 100);
const within = (x: number, y: number, [left, top, width, height]: readonly [number, number, number, number]) =>
  x >= left && x < left + width && y >= top && y < top + height;

test('the same picture is no motion', () => {
  expect(difference(grey, grey, picture)).toEqual({ motion: false, score: 0 });
});

test('D2 the box is around what has changed, in coordinates of the picture', () => {
  const moved = thumbnail((x, y) => (within(x, y, [40, 30, 20, 10]) ? 200 : 100));
  const { motion, score, box } = difference(grey, moved, picture);
  expect(motion).toBe(true);
  expect(score).toBeCloseTo(200 / 14_400, 3);
  expect(box).toEqual({ x: 320, y: 240, width: 160, height: 80 });
});

test('everything changed: score 1, and the box is the picture', () => {
  expect(
    difference(
      grey,
      thumbnail(() => 200),
      { width: 641, height: 359 },
    ),
  ).toEqual({
    motion: true,
    score: 1,
    box: { x: 0, y: 0, width: 641, height: 359 },
  });
});

test('D1 noise is no motion: single pixels, however strong; small changes, however many', () => {
  const speckled = thumbnail((x, y) => (x % 4 === 0 && y % 4 === 0 ? 255 : 100));
  expect(difference(grey, speckled, picture)).toEqual({ motion: false, score: 0 });
  expect(
    difference(
      grey,
      thumbnail((x) => 100 + (x % 25)),
      picture,
    ).motion,
  ).toBe(false);
});

test('a change of less than 0.2 % is counted, but no motion', () => {
  const small = thumbnail((x, y) => (within(x, y, [10, 10, 5, 5]) ? 200 : 100));
  const { motion, score, box } = difference(grey, small, picture);
  expect({ motion, box }).toEqual({ motion: false, box: undefined });
  expect(score).toBeGreaterThan(0);
});
