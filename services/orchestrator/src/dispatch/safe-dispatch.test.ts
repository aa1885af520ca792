/** D1 and the ids of slices: what makes a dispatch safe to interrupt and to repeat. */
import { type BatchView, encodeBatch, openBatch, processorSchema } from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { Held } from './held.ts';
import { workMessage } from './work-message.ts';

function batchOf(frames: number): BatchView {
  const items = Array.from({ length: frames }, (_, i) => ({
    ageMs: 0,
    frame: {
      camera: 'door',
      epoch: 1,
      sequence: i + 1,
      capturedAtMs: 0,
      width: 4,
      height: 4,
      encoding: 'jpeg' as const,
      byteSize: 1,
      pixelSequence: 1,
      capabilities: ['look'],
      priority: 5,
      maxAgeMs: 0,
    },
  }));
  const opened = openBatch(encodeBatch({ capability: 'look' }, items));
  if (!opened.ok) throw new Error(opened.detail);
  return opened.batch;
}

describe('D1 - a message is done only when everything is placed and confirmed', () => {
  test('placed is not enough, confirmed in part is not enough', async () => {
    const held = new Held({} as ConstructorParameters<typeof Held>[0], batchOf(4), 'normal');
    expect(held.isDone).toBe(false);
    held.todo.take(4);
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const confirmed = [held.confirm(first.promise), held.confirm(second.promise)];
    expect(held.isDone).toBe(false);
    first.resolve();
    await confirmed[0];
    expect(held.isDone).toBe(false);
    second.resolve();
    await confirmed[1];
    expect(held.isDone).toBe(true);
  });
});

describe('ids of slices', () => {
  const idOf = (more: { name?: string; from?: number; to?: number; incarnation?: string; sequence?: number } = {}) => {
    const { name = 'one', from = 0, to = 2, incarnation = 'life', sequence = 7 } = more;
    const processor = processorSchema.parse({ name, capabilities: ['look'], maxBatch: 8 });
    const origin = {
      incarnation,
      sequence,
      lane: 'normal',
      waitedMs: Math.random(),
      dispatcher: `orc-${name}`,
    } as const;
    return workMessage(batchOf(4), { from, to }, processor, origin).msgId;
  };

  test('the same frames have the same id, whoever sends them, and to whomever', () => {
    expect(idOf()).toBe('life.7.0-2');
    expect(idOf({ name: 'other' })).toBe(idOf());
  });

  test('other frames, another message or another life of the stream have another id', () => {
    const ids = [idOf(), idOf({ from: 1 }), idOf({ to: 3 }), idOf({ sequence: 8 }), idOf({ incarnation: 'next' })];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
