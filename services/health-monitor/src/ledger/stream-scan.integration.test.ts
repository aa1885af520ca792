/** The scan while tasks move under it. The moves are made to fall exactly between two of its reads. */
import { STREAM } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';
import { describe, expect, test } from 'vitest';
import { startWorld, type World } from '../fixtures/world.ts';
import { StreamStates } from '../streams/stream-states.ts';
import { scanStreams } from './stream-scan.ts';

describe('scan', () => {
  test('H1 - a task that moves on between the reads is found, and counts once', async () => {
    await using world = await startWorld();
    const first = await world.putFrames([1]);
    await world.putFrames([2]);
    const result = await scan(world, {
      before: STREAM.work,
      move: async () => {
        await world.putWork('motion', [1]);
        await world.take(STREAM.frames, first);
      },
    });
    expect(result).toEqual({ exact: true, tasks: 2, found: [1, 2] });
  });

  test('H1 - a task that moves back between the reads is found', async () => {
    await using world = await startWorld();
    await world.putFrames([1]);
    const second = await world.putWork('motion', [2]);
    const result = await scan(world, {
      before: STREAM.work,
      move: async () => {
        await world.putFrames([2]);
        await world.take(STREAM.work, second);
      },
    });
    expect(result).toEqual({ exact: true, tasks: 2, found: [1, 2] });
  });

  test('H2 - a stream that outgrows the bound while it is read is estimated', async () => {
    await using world = await startWorld();
    await world.putFrames([1]);
    const result = await scan(world, {
      before: STREAM.work,
      move: async () => {
        const work = Array.from({ length: 600 }, (_, i) => 3 * i + 2);
        await Promise.all(work.map((at) => world.putWork('motion', [at, at + 1, at + 2])));
      },
      maxMessages: 100,
    });
    expect(result).toMatchObject({ exact: false, tasks: 1801 });
  });

  test('a batch of a version to come makes the scan an estimate: nobody can tell what it holds', async () => {
    await using world = await startWorld();
    await world.putFrames([1]);
    await world.publisher.publish('frames.motion.high', Buffer.from([0x46, 0x42, 9, 0, 0, 0]));
    expect(await scan(world)).toEqual({ exact: false, tasks: 1, found: [1] });
  });

  test('streams without messages hold nothing', async () => {
    await using world = await startWorld();
    expect(await scan(world)).toEqual({ exact: true, tasks: 0, found: [] });
  });
});

interface Interruption {
  /** The read of this stream waits until the move is done. */
  readonly before?: string;
  readonly move?: () => Promise<void>;
  readonly maxMessages?: number;
}

async function scan(world: World, { before, move, maxMessages = 2_000 }: Interruption = {}) {
  let moved = false;
  const nc = Object.assign(Object.create(world.nc) as NatsConnection, {
    publish(...call: Parameters<NatsConnection['publish']>) {
      if (moved || move === undefined || call[0] !== `$JS.API.DIRECT.GET.${before}`) return world.nc.publish(...call);
      moved = true;
      void move().then(() => world.nc.publish(...call));
    },
  });
  const { exact, tasks, holdings } = await scanStreams({ nc, states: new StreamStates(world.jsm), maxMessages });
  expect(moved).toBe(move !== undefined);
  return {
    exact,
    tasks,
    found: [...holdings.accounts()].flatMap(({ sequences }) => [...sequences]).sort((a, b) => a - b),
  };
}
