import { openBatch, partitionOf } from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { FakePublisher, fakeBooks, frameOf, log, turns } from './fakes.fixture.ts';
import { FrameIntake } from './frame-intake.ts';
import { LaneWriters } from './lane-writer.ts';

function setUp(bounds: { maxFrames?: number; maxBytes?: number } = {}, partitions: (name: string) => number = () => 0) {
  const pixels = new FakePublisher();
  const frames = new FakePublisher();
  const { books, entered } = fakeBooks();
  const lanes = new LaneWriters({ publisher: frames, books, nextId: () => 'id', log, partitions });
  const intake = new FrameIntake({
    pixels,
    lanes,
    books,
    maxFrames: 100,
    maxBytes: 1_000_000,
    maxAgeMs: () => 0,
    log,
    ...bounds,
  });
  return { pixels, frames, entered, intake };
}

describe('frame intake', () => {
  test('I4 - the picture is stored first; then every capability gets its task, which refers to it', async () => {
    const { pixels, frames, intake } = setUp();
    intake.offer(frameOf(7, { capabilities: ['look', 'count'] }));
    await turns();
    expect(pixels.sent.map(({ subject, msgId }) => [subject, msgId])).toEqual([['pixels.cam', 'cam.1.7']]);
    expect(frames.sent).toHaveLength(0);
    pixels.sent[0]?.answer({ ok: true, sequence: 4711, duplicate: false });
    await turns();
    expect(frames.sent.map(({ subject }) => subject)).toEqual(['frames.look.normal', 'frames.count.normal']);
    const opened = openBatch(frames.sent[0]?.payload ?? new Uint8Array());
    expect(opened.ok && opened.batch.frame(0)).toMatchObject({ sequence: 7, pixelSequence: 4711, byteSize: 1000 });
  });

  test('I2 I3 - while the broker does not answer, the oldest waiting frames give way and each task has its fate', async () => {
    const { pixels, frames, intake, entered } = setUp({ maxFrames: 10 });
    for (let sequence = 1; sequence <= 200; sequence++)
      intake.offer(frameOf(sequence, { capabilities: ['look', 'count'] }));
    await turns();
    expect(pixels.sent).toHaveLength(128);
    expect(intake.buffered).toBe(138);
    const shed = entered.filter(({ fate }) => fate === 'shed/buffer_full');
    expect(new Set(shed.map(({ sequence }) => sequence)).size).toBe(62);
    expect(shed).toHaveLength(124);
    for (let i = 0; i < pixels.sent.length; i++) {
      pixels.sent[i]?.answer();
      await turns(1);
    }
    for (let i = 0; i < frames.sent.length; i++) {
      frames.sent[i]?.answer();
      await turns();
    }
    expect(intake.buffered).toBe(0);
    const fates = new Map<string, number>();
    for (const { capability, sequence } of entered)
      fates.set(`${capability}.${sequence}`, (fates.get(`${capability}.${sequence}`) ?? 0) + 1);
    expect(fates.size).toBe(400);
    expect([...fates.values()].every((count) => count === 1)).toBe(true);
  });

  test('I5 - tasks of an ordered capability keep the order of their camera, others do not wait', async () => {
    const { pixels, frames, intake } = setUp({}, (name) => (name === 'follow' ? 8 : 0));
    const capabilities = ['look', 'follow'];
    for (const sequence of [1, 2, 3, 4]) intake.offer(frameOf(sequence, { capabilities }));
    intake.offer(frameOf(1, { camera: 'other', capabilities }));
    await turns();
    const stored = (i: number) => pixels.sent[i]?.answer({ ok: true, sequence: 10 + i, duplicate: false });
    const written = (lane: RegExp) =>
      frames.sent.flatMap(({ subject, payload }) => {
        const opened = openBatch(payload);
        if (!opened.ok || !lane.test(subject)) return [];
        const { batch } = opened;
        return Array.from({ length: batch.frameCount }, (_, i) => `${batch.cameraOf(i).camera} ${batch.sequence(i)}`);
      });
    for (const i of [3, 1, 4]) stored(i);
    await turns();
    expect(written(/follow/)).toEqual(['other 1']);
    // The third can never be stored: nobody waits for it.
    pixels.sent[2]?.answer({ ok: false, reason: 'too_large', detail: 'max_payload' });
    stored(0);
    await turns();
    for (let i = 0; i < frames.sent.length; i++) {
      frames.sent[i]?.answer();
      await turns();
    }
    expect(written(/follow/)).toEqual(['other 1', 'cam 1', 'cam 2', 'cam 4']);
    expect(written(/look/)).toEqual(['cam 4', 'cam 2', 'other 1', 'cam 1']);
    const lanes = new Set(frames.sent.map(({ subject }) => subject).filter((name) => name.includes('follow')));
    expect(lanes).toEqual(new Set([partitionOf('cam', 8), partitionOf('other', 8)].map((k) => `frames.follow.p${k}`)));
  });

  test('I2 - pictures on their way are bounded by bytes as well', async () => {
    const { pixels, intake } = setUp({ maxBytes: 100 * 1024 * 1024 });
    const bytes = Buffer.alloc(6 * 1024 * 1024);
    for (let sequence = 1; sequence <= 5; sequence++) intake.offer(frameOf(sequence, { bytes }));
    await turns();
    expect(pixels.sent).toHaveLength(2);
    expect(intake.bufferedBytes).toBe(5 * bytes.length);
  });

  test('a picture that the broker can never store is shed as too_large', async () => {
    const { pixels, intake, entered } = setUp();
    intake.offer(frameOf(1));
    await turns();
    pixels.sent[0]?.answer({ ok: false, reason: 'too_large', detail: 'max_payload' });
    await turns();
    expect(entered).toEqual([{ capability: 'look', sequence: 1, fate: 'shed/too_large' }]);
  });

  test('I3 - what is abandoned at a stop is booked, for every capability', async () => {
    const { intake, entered } = setUp({ maxFrames: 300 });
    for (let sequence = 1; sequence <= 130; sequence++)
      intake.offer(frameOf(sequence, { capabilities: ['look', 'count'] }));
    await turns();
    expect(intake.abandon()).toBe(2);
    expect(entered.map(({ capability, sequence, fate }) => `${capability} ${sequence} ${fate}`)).toEqual([
      'look 129 shed/shutdown',
      'count 129 shed/shutdown',
      'look 130 shed/shutdown',
      'count 130 shed/shutdown',
    ]);
  });
});
