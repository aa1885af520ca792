import { type AnyLane, openBatch } from '@frame-buffer/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FakePublisher, fakeBooks, frameOf, log, type Sent, turns } from './fakes.fixture.ts';
import { LaneWriter } from './lane-writer.ts';

function setUp(lane: AnyLane = 'normal') {
  const publisher = new FakePublisher();
  const { books, entered } = fakeBooks();
  let ids = 0;
  const writer = new LaneWriter({
    capability: 'look',
    lane,
    publisher,
    books,
    nextId: () => `id-${ids++}`,
    log,
  });
  const add = (sequence: number, maxAgeMs = 0, arrivedAtMs = performance.now()) =>
    writer.add({
      frame: frameOf(sequence, { arrivedAtMs }),
      capability: 'look',
      pixelSequence: sequence,
      byteSize: 1000,
      maxAgeMs,
    });
  return { publisher, entered, writer, add };
}

function sequences({ payload }: Sent): number[] {
  const opened = openBatch(payload);
  if (!opened.ok) throw new Error(opened.detail);
  return Array.from({ length: opened.batch.frameCount }, (_, i) => opened.batch.sequence(i));
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

afterEach(() => {
  vi.useRealTimers();
});

describe('lane writer', () => {
  test('B1 - a task that finds the line free leaves alone with the next turn', async () => {
    const { publisher, add, entered } = setUp();
    add(1);
    expect(publisher.sent).toHaveLength(0);
    await turns();
    expect(publisher.sent.map(sequences)).toEqual([[1]]);
    expect(publisher.sent[0]?.subject).toBe('frames.look.normal');
    expect(entered).toEqual([]);
    publisher.sent[0]?.answer();
    await turns();
    expect(entered).toEqual([{ capability: 'look', sequence: 1, fate: 'captured' }]);
  });

  test('B2 - tasks that come while a batch is on its way leave together', async () => {
    const { publisher, add, writer } = setUp();
    add(1);
    await turns();
    for (const sequence of numbers(2, 12)) add(sequence);
    await turns();
    expect(publisher.sent).toHaveLength(1);
    publisher.sent[0]?.answer();
    await turns();
    expect(publisher.sent.map(sequences)).toEqual([[1], numbers(2, 12)]);
    expect(publisher.sent.map(({ msgId }) => msgId)).toEqual(['id-0', 'id-1']);
    publisher.sent[1]?.answer();
    await turns();
    expect(writer.pending).toBe(0);
  });

  test('B2 - full batches do not wait, but only four are on their way', async () => {
    const { publisher, add, writer } = setUp();
    for (const sequence of numbers(0, 1000)) add(sequence + 1);
    await turns(20);
    expect(publisher.sent).toHaveLength(4);
    for (let i = 0; i < 8; i++) {
      publisher.sent[i]?.answer();
      await turns(6);
    }
    expect(publisher.sent.flatMap(sequences)).toEqual(numbers(1, 1001));
    expect(writer.pending).toBe(0);
  });

  test('B3 - a refused batch is tried again, before what came later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const { publisher, add, entered } = setUp();
    add(1);
    await turns();
    publisher.sent[0]?.answer({ ok: false, reason: 'queue_full', detail: 'maximum messages per subject exceeded' });
    await turns();
    add(2);
    await turns();
    expect(publisher.sent).toHaveLength(1);
    vi.advanceTimersByTime(250);
    await turns();
    expect(publisher.sent.map(sequences)).toEqual([[1], [1, 2]]);
    expect(entered).toEqual([]);
  });

  test('B3 - a lane that stays full sheds the oldest beyond its bound, and expires what is too old', async () => {
    const { publisher, add, entered, writer } = setUp();
    add(1);
    await turns();
    for (const sequence of numbers(2, 10_004)) add(sequence);
    expect(entered).toEqual([2, 3].map((sequence) => ({ capability: 'look', sequence, fate: 'shed/lane_full' })));
    expect(writer.pending).toBe(10_001);
    expect(publisher.sent.length).toBeLessThanOrEqual(4);
    const { add: addLate, entered: late, publisher: idle } = setUp();
    addLate(1, 100, performance.now() - 101);
    addLate(2, 100);
    await turns();
    expect(late).toEqual([{ capability: 'look', sequence: 1, fate: 'expired/deadline' }]);
    expect(idle.sent.map(sequences)).toEqual([[2]]);
  });

  test('B4 - of the lane of a partition one batch is on its way, and a refused one goes first again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const { publisher, add, writer } = setUp('p3');
    for (const sequence of numbers(1, 301)) add(sequence);
    await turns(20);
    expect(publisher.sent).toHaveLength(1);
    expect(publisher.sent[0]?.subject).toBe('frames.look.p3');
    publisher.sent[0]?.answer({ ok: false, reason: 'queue_full', detail: 'maximum messages per subject exceeded' });
    await turns(6);
    vi.advanceTimersByTime(250);
    await turns(6);
    expect(publisher.sent).toHaveLength(2);
    for (let i = 1; i < publisher.sent.length; i++) {
      publisher.sent[i]?.answer();
      await turns(6);
    }
    expect(publisher.sent.slice(1).flatMap(sequences)).toEqual(numbers(1, 301));
    expect(writer.pending).toBe(0);
  });

  test('what is abandoned at a stop is in the books', async () => {
    const { add, entered, writer } = setUp();
    add(1);
    await turns();
    add(2);
    expect(writer.abandon()).toBe(1);
    expect(entered).toEqual([{ capability: 'look', sequence: 2, fate: 'shed/shutdown' }]);
  });
});
