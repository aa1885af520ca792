import { expect, it } from 'vitest';
import { cameraTimings } from './timings.ts';

it.each([
  [{}, 2_500],
  [{ fps: 25 }, 2_500],
  [{ fps: 1 }, 5_000],
  [{ fps: 0.2 }, 25_000],
  [{ fps: 0 }, 2_500],
  [{ fps: 25, stallMs: 100 }, 100],
])('a stall is five missing pictures and at least 2.5 s: %o', (options, stallMs) => {
  expect(cameraTimings(options).stallMs).toBe(stallMs);
});
