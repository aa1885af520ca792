import { type Encoding, encodeBatch, openBatch, type ProcessorInput, processorSchema } from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { Credits } from '../credit/credits.ts';
import { buildRouteTable } from '../routes/route-table.ts';
import { choose } from './choose.ts';

function batchOf(encodings: Encoding[]) {
  const items = encodings.map((encoding, i) => ({
    ageMs: 0,
    frame: {
      camera: `cam-${encoding}`,
      epoch: 1,
      sequence: i + 1,
      capturedAtMs: 0,
      width: 4,
      height: 4,
      encoding,
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

const jpegs = (count: number) => batchOf(Array.from({ length: count }, () => 'jpeg' as const));
const table = (...inputs: ProcessorInput[]) =>
  buildRouteTable(
    inputs.map((input) => processorSchema.parse(input)),
    [],
  );
const whole = { from: 0, to: 10 };

describe('choose', () => {
  test('nobody capable, and nobody who can read the encoding', () => {
    const credits = new Credits('me', () => 0);
    expect(choose(jpegs(10), whole, table(), credits, 0)).toEqual({ wait: 'nobody' });
    const other = table({ name: 'other', capabilities: ['hear'] });
    expect(choose(jpegs(10), whole, other, credits, 0)).toEqual({ wait: 'nobody' });
    const raw = table({ name: 'raw', capabilities: ['look'], encodings: ['rgb24'] });
    expect(choose(jpegs(10), whole, raw, credits, 0)).toEqual({ wait: 'nobody' });
  });

  test('no room is told apart from nobody', () => {
    const credits = new Credits('me', () => 0);
    credits.of('busy').dispatched(100);
    expect(choose(jpegs(10), whole, table({ name: 'busy', capabilities: ['look'] }), credits, 0)).toEqual({
      wait: 'no_room',
    });
  });

  test('as many frames as room and maxBatch allow', () => {
    const credits = new Credits('me', () => 0);
    const routes = table({ name: 'p', capabilities: ['look'], concurrency: 3, maxBatch: 64 });
    expect(choose(jpegs(10), whole, routes, credits, 0)).toMatchObject({ choice: { count: 6 } });
    const single = table({ name: 'p', capabilities: ['look'], concurrency: 3 });
    expect(choose(jpegs(10), whole, single, credits, 0)).toMatchObject({ choice: { count: 1 } });
  });

  test('least loaded: the one that would start the task soonest', () => {
    const credits = new Credits('me', () => 0);
    const routes = table(
      { name: 'slow', capabilities: ['look'], concurrency: 4, maxBatch: 8 },
      { name: 'fast', capabilities: ['look'], concurrency: 4, maxBatch: 8 },
    );
    credits.of('slow').settled(10, 0, 1_000, 0);
    credits.of('fast').settled(10, 0, 10, 0);
    credits.of('fast').dispatched(2);
    expect(choose(jpegs(10), whole, routes, credits, 0)).toMatchObject({
      choice: { route: { processor: { name: 'fast' } } },
    });
  });

  test('equals take turns', () => {
    const credits = new Credits('me', () => 0);
    const routes = table(
      { name: 'a', capabilities: ['look'] },
      { name: 'b', capabilities: ['look'] },
      { name: 'c', capabilities: ['look'] },
    );
    const names = [0, 1, 2, 3].map((turn) => {
      const decision = choose(jpegs(10), whole, routes, credits, turn);
      return 'choice' in decision ? decision.choice.route.processor.name : decision.wait;
    });
    expect(names).toEqual(['a', 'b', 'c', 'a']);
  });

  test('a run ends where the encoding is one that the route cannot read', () => {
    const credits = new Credits('me', () => 0);
    const routes = table({ name: 'p', capabilities: ['look'], concurrency: 9, maxBatch: 64 });
    const mixed = batchOf(['jpeg', 'jpeg', 'rgb24', 'jpeg']);
    expect(choose(mixed, { from: 0, to: 4 }, routes, credits, 0)).toMatchObject({ choice: { count: 2 } });
  });
});
