/** The ledger against a real broker: what is written, what streams hold, and what the answer is. */
import { STREAM } from '@frame-buffer/protocol';
import { until } from '@frame-buffer/testkit';
import { describe, expect, test } from 'vitest';
import { EPOCH, keepingLogger, startWorld, type World } from '../fixtures/world.ts';
import type { HealthMonitor } from '../monitor.ts';
import { CONFIRM_MS } from './audit.ts';
import { ledgerAnswerSchema } from './balance.ts';

describe('ledger', () => {
  test('counts outcomes from settlements and tasks in flight from the streams', async () => {
    await using world = await startWorld();
    await world.settle('captured', [1, 2, 3, 4, 5, 6]);
    await world.settle('processed', [1, 2], { reason: 'handled', processor: 'motion' });
    await world.settle('expired', [3], { reason: 'no_processor' });
    await world.putFrames([4, 5]);
    // Dispatched and not yet acknowledged: in both streams, one task. 2 is settled, but its message is still there.
    await world.putWork('motion', [2, 5, 6]);
    const monitor = await world.monitor();

    const answer = await monitor.ledger({ fresh: true });

    expect(ledgerAnswerSchema.parse(answer)).toEqual(answer);
    expect(answer).toMatchObject({
      ledger: { captured: 6, processed: 2, expired: 1, shed: 0, in_flight: 3, unaccounted: 0 },
      exact: true,
      stale: false,
      conflicts: 0,
      reasons: { 'processed/handled': 2, 'expired/no_processor': 1 },
      cameras: { cam1: { captured: 6, processed: 2 } },
      capabilities: { motion: { captured: 6, expired: 1 } },
    });
    expect(answer.exactSince).toBeUndefined();
    expect((await monitor.ledger({ since: EPOCH + 1 })).ledger.captured).toBe(0);
    expect((await monitor.ledger({ since: EPOCH, camera: 'cam1' })).ledger.captured).toBe(6);
    expect((await monitor.ledger({ camera: 'cam2' })).ledger.captured).toBe(0);
  });

  test('a lost outcome is unaccounted after two scans, never after one, and no more once its outcome comes', async () => {
    await using world = await startWorld();
    const { log, lines } = keepingLogger();
    await world.settle('captured', [1, 2, 3]);
    await world.settle('processed', [1]);
    const held = await world.putFrames([2]);
    const monitor = await world.monitor({ log });

    expect((await monitor.ledger()).ledger).toMatchObject({ in_flight: 1, unaccounted: 0 });
    expect((await untilUnaccounted(monitor, 1)).ledger).toMatchObject({ captured: 3, processed: 1, in_flight: 1 });
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        event: 'ledger.unbalanced',
        fields: expect.objectContaining({ unaccounted: 1 }),
      }),
    );

    await world.take(STREAM.frames, held);
    expect((await untilUnaccounted(monitor, 2)).ledger.in_flight).toBe(0);

    await world.settle('expired', [2, 3], { reason: 'deadline' });
    expect((await monitor.ledger({ fresh: true })).ledger).toMatchObject({ expired: 2, unaccounted: 0 });
    expect(lines).toContainEqual(expect.objectContaining({ event: 'ledger.balanced' }));
  });

  test('a frame whose gateway died between storing it and saying so is captured, and missed when it is lost', async () => {
    await using world = await startWorld();
    const held = await world.putFrames([1, 2]);
    const monitor = await world.monitor();
    expect((await monitor.ledger()).ledger).toMatchObject({ captured: 2, in_flight: 2, unaccounted: 0 });

    await world.settle('processed', [1]);
    await world.take(STREAM.frames, held);
    await untilUnaccounted(monitor, 1);
  });

  test('a doubled outcome changes nothing, a contradicting one is a conflict that processed wins', async () => {
    await using world = await startWorld();
    await world.settle('captured', [1, 2]);
    await world.settle('processed', [1, 2], { reason: 'handled' });
    const monitor = await world.monitor();
    const before = await monitor.ledger({ fresh: true });

    await world.settle('processed', [1, 2], { reason: 'handled', writer: 'somebody-else' });
    await world.settle('captured', [1, 2]);
    const after = await monitor.ledger({ fresh: true });
    expect({ ...after, asOf: '' }).toEqual({ ...before, asOf: '' });

    await world.settle('expired', [2], { reason: 'deadline' });
    const { ledger, conflicts } = await monitor.ledger({ fresh: true });
    expect({ processed: ledger.processed, expired: ledger.expired, conflicts }).toEqual({
      processed: 2,
      expired: 0,
      conflicts: 1,
    });
  });

  test('a monitor that starts anew comes to the same balance', async () => {
    await using world = await startWorld();
    await writeALot(world);
    const first = await (await world.monitor()).ledger({ fresh: true });
    const second = await (await world.monitor()).ledger({ fresh: true });
    expect(first.ledger).toMatchObject({ captured: 300, processed: 150, in_flight: 150 });
    expect({ ...second, asOf: '' }).toEqual({ ...first, asOf: '' });
  });

  test('an outage of the broker: the last balance marked stale, no fresh one, and then on as before', async () => {
    await using world = await startWorld();
    await writeALot(world);
    const monitor = await world.monitor();
    const before = await monitor.ledger({ fresh: true });

    world.broker.kill('SIGKILL');
    await world.broker.exited;
    await until(async () => (await monitor.ledger()).stale, { what: 'the balance to be stale' });
    expect((await monitor.ledger()).ledger).toEqual(before.ledger);
    await expect(monitor.ledger({ fresh: true })).rejects.toMatchObject({
      code: 'broker_unavailable',
      retryable: true,
    });
    expect((await monitor.health()).faults.map(({ code }) => code)).toEqual(['broker_unreachable']);

    await world.broker.restart();
    await world.settle('processed', [151, 152]);
    const after = await until(() => monitor.ledger({ fresh: true }), {
      what: 'the ledger to go on',
      timeoutMs: 15_000,
      is: ({ ledger }) => ledger.processed === 152,
    });
    expect(after).toMatchObject({ stale: false, ledger: { captured: 300, in_flight: 148, unaccounted: 0 } });
    await world.register({ name: 'late', capabilities: ['motion'] });
    await until(async () => (await monitor.overview()).processors['late'], {
      what: 'the records to be followed again',
      timeoutMs: 10_000,
    });
  });

  test('more than can be read in full is estimated, and nothing young is called unaccounted', async () => {
    await using world = await startWorld();
    await Promise.all(batches(1, 1200, 4).map((sequences) => world.putFrames(sequences)));
    await Promise.all(batches(1201, 1240, 1).map((sequences) => world.putWork('motion', sequences)));
    // Captured and in no stream: with an estimate nobody can tell.
    await world.settle('captured', [5000]);
    const monitor = await world.monitor({ ledgerExactMessages: 100 });
    for (const _scan of [1, 2]) {
      const { ledger, exact } = await monitor.ledger({ fresh: true });
      expect(exact).toBe(false);
      expect(ledger.in_flight).toBe(1240);
      expect(ledger.unaccounted).toBe(0);
      await nextScanConfirms();
    }
  });

  test('what a plain processor acknowledged while nobody watched is settled as processed', async () => {
    await using world = await startWorld();
    await world.register({ name: 'plain', capabilities: ['motion'], settles: false });
    await world.register({ name: 'sdk', capabilities: ['motion'], settles: true });
    await world.settle('captured', [1, 2, 3, 4]);
    await world.settle('routed', [1, 2], { processor: 'plain', dispatcher: 'dead-orchestrator' });
    await world.settle('routed', [3], { processor: 'sdk' });
    await world.putWork('plain', [2]);
    await world.putWork('sdk', [4]);
    const { log, lines } = keepingLogger();
    const monitor = await world.monitor({ log });

    const { ledger, reasons } = await until(() => monitor.ledger({ fresh: true }), {
      what: 'the acknowledged task to be settled',
      intervalMs: 300,
      is: (answer) => answer.ledger.processed === 1,
    });
    expect(reasons).toEqual({ 'processed/acked': 1 });
    expect(ledger).toMatchObject({ captured: 4, in_flight: 2, unaccounted: 1 });
    // Not for a moment was the acknowledged one missed.
    const alarms = lines.filter(({ event }) => event === 'ledger.unbalanced');
    expect(alarms.map(({ fields }) => fields)).toEqual([expect.objectContaining({ unaccounted: 1 })]);
  });

  test('a truncated stream: it says from when on it is exact, and calls nobody lost whose outcome may be gone', async () => {
    await using world = await startWorld();
    await world.settle('processed', [1, 2, 3]);
    await world.settle('captured', [1, 2, 3, 4]);
    await world.settle('processed', [4]);
    await world.settle('processed', [5]);
    await world.jsm.streams.purge(STREAM.settlements, { seq: 2 });
    const monitor = await world.monitor();
    for (const _scan of [1, 2]) {
      const { ledger, exactSince } = await monitor.ledger({ fresh: true });
      expect(ledger).toMatchObject({ captured: 2, processed: 2, unaccounted: 0 });
      expect(Date.parse(exactSince ?? '')).toBeGreaterThan(Date.now());
      await nextScanConfirms();
    }
  });

  test('a stream that is replaced by another begins new books', async () => {
    await using world = await startWorld();
    await world.settle('processed', [1, 2, 3]);
    const monitor = await world.monitor();
    expect((await monitor.ledger()).ledger.processed).toBe(3);
    const { config } = await world.jsm.streams.info(STREAM.settlements);
    await world.jsm.streams.delete(STREAM.settlements);
    await world.jsm.streams.add(config);
    await world.settle('processed', [7]);
    expect((await monitor.ledger({ fresh: true })).ledger).toMatchObject({ captured: 1, processed: 1 });
  });

  test('messages that nobody can read disturb nothing: junk in FRAMES, WORK and SETTLEMENTS', async () => {
    await using world = await startWorld();
    const { log, lines } = keepingLogger();
    for (const to of ['frames.motion.normal', 'work.motion.normal', 'settled.nobody']) {
      await world.publisher.publish(to, Buffer.from('junk'));
    }
    await world.settle('processed', [1]);
    await world.putFrames([2]);
    const monitor = await world.monitor({ log });
    expect((await monitor.ledger()).ledger).toMatchObject({ processed: 1, in_flight: 1, unaccounted: 0 });
    expect(lines).toContainEqual(expect.objectContaining({ event: 'settlement.unreadable' }));
  });
});

/** Sequences in batches of `size`. */
function batches(from: number, to: number, size: number): number[][] {
  const result: number[][] = [];
  for (let at = from; at <= to; at += size) {
    result.push(Array.from({ length: Math.min(size, to - at + 1) }, (_, i) => at + i));
  }
  return result;
}

async function writeALot(world: World): Promise<void> {
  for (const sequences of batches(1, 300, 10)) {
    await world.settle('captured', sequences);
    if ((sequences[0] ?? 0) <= 150) await world.settle('processed', sequences);
    else await world.putFrames(sequences);
  }
}

function untilUnaccounted(monitor: HealthMonitor, count: number) {
  return until(() => monitor.ledger({ fresh: true }), {
    what: `${count} tasks to be unaccounted`,
    intervalMs: 200,
    is: ({ ledger }) => ledger.unaccounted === count,
  });
}

/** The rule itself is a duration: what must not happen at the next scan could only happen after it. */
function nextScanConfirms(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, CONFIRM_MS + 50));
}
