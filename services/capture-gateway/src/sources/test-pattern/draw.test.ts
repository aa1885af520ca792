import { describe, expect, it } from 'vitest';
import { createTestPattern } from './draw.ts';

const size = { width: 160, height: 90 };

function draw(options: { camera?: string; frame?: number; elapsedMs?: number; wallClockMs?: number }): Buffer {
  const { camera = 'cam-1', frame = 0, elapsedMs = 0, wallClockMs = 0 } = options;
  return Buffer.from(createTestPattern({ camera, ...size }).draw({ frame, elapsedMs, wallClockMs }).pixels);
}

/** How much of the picture changed. */
function changed(a: Buffer, b: Buffer): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (Math.abs((a[i] ?? 0) - (b[i] ?? 0)) > 30) count += 1;
  return count / a.length;
}

describe('test pattern', () => {
  it('is raw RGB of the size asked for', () => {
    expect(draw({})).toHaveLength(160 * 90 * 3);
  });

  it('shows camera, frame and time', () => {
    const picture = draw({});
    expect(changed(picture, draw({ frame: 1 }))).toBeGreaterThan(0);
    expect(changed(picture, draw({ wallClockMs: 1 }))).toBeGreaterThan(0);
    expect(changed(picture, draw({ camera: 'cam-2' }))).toBeGreaterThan(0);
    expect(draw({}).equals(picture)).toBe(true);
  });

  it('moves as it says, and rests as it says, some of the time', () => {
    const { isMoving } = createTestPattern({ camera: 'cam-1', ...size });
    let rests = 0;
    for (let ms = 0; ms < 20_000; ms += 500) {
      const change = changed(draw({ elapsedMs: ms }), draw({ elapsedMs: ms + 250 }));
      if (isMoving(ms) && isMoving(ms + 250)) expect(change).toBeGreaterThan(0.01);
      if (isMoving(ms) || isMoving(ms + 250)) continue;
      expect(change).toBe(0);
      rests += 1;
    }
    expect(rests).toBeGreaterThan(5);
    expect(rests).toBeLessThan(15);
  });

  it('draws within any canvas', () => {
    for (const [width, height] of [
      [8, 8],
      [64, 64],
      [64, 480],
    ] as const) {
      const pattern = createTestPattern({ camera: 'a-rather-long-name-for-a-camera', width, height });
      expect(pattern.draw({ frame: 1e9, elapsedMs: 1e9, wallClockMs: 1e12 }).pixels).toHaveLength(width * height * 3);
    }
  });
});
