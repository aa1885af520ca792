/** The sources that need no other process. */
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { inspectJpeg } from './jpeg.ts';
import { openSource } from './open-source.ts';
import { record } from './source.fixture.ts';

const pattern = { type: 'test-pattern', width: 320, height: 180, fps: 50 } as const;

describe('test pattern source', () => {
  it('delivers real, changing JPEGs of the right size at its rate, until stopped', async () => {
    const source = openSource({ camera: 'cam-1', source: pattern, attempt: 1 });
    const startedAtMs = performance.now();
    const recording = record(source);
    await recording.reached(11);
    // Ten intervals of 20 ms lie between eleven pictures.
    expect(performance.now() - startedAtMs).toBeGreaterThan(190);
    await source.stop();

    const { pictures, calls } = recording;
    expect(calls[0]).toBe('opened');
    expect(calls.filter((call) => call.startsWith('ended'))).toEqual(['ended:stopped']);
    expect(calls.at(-1)).toBe('ended:stopped');
    for (const picture of pictures) {
      expect(picture).toMatchObject({ width: 320, height: 180, encoding: 'jpeg' });
      expect(inspectJpeg(picture.bytes)).toMatchObject({ ok: true, width: 320, height: 180 });
    }
    expect(Buffer.from(pictures[0]?.bytes ?? []).equals(pictures[9]?.bytes ?? Buffer.alloc(0))).toBe(false);
    const { channels, width } = await sharp(pictures[0]?.bytes).metadata();
    expect([channels, width]).toEqual([3, 320]);
  });

  it('stop interrupts a long wait, and may be called at any time', async () => {
    const source = openSource({ camera: 'cam-1', source: { ...pattern, fps: 0.1 }, attempt: 1 });
    await source.stop();
    const recording = record(source);
    expect((await recording.ended).code).toBe('stopped');
    expect(recording.pictures).toEqual([]);
    await source.stop();

    const other = openSource({ camera: 'cam-1', source: { ...pattern, fps: 0.1 }, attempt: 1 });
    const first = record(other);
    await first.reached(1);
    await Promise.all([other.stop(), other.stop()]);
    expect(first.calls).toEqual(['opened', 'picture', 'ended:stopped']);
  });
});

describe('push source', () => {
  it('is open until it is stopped', async () => {
    const source = openSource({ camera: 'cam-1', source: { type: 'push' }, attempt: 1 });
    const recording = record(source);
    await expect.poll(() => recording.calls).toEqual(['opened']);
    await source.stop();
    expect(recording.calls).toEqual(['opened', 'ended:stopped']);
  });
});
