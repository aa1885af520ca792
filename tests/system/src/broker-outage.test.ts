/**
 * The broker is away for 20 s while cameras go on. Gateways buffer in memory, bounded in bytes; afterwards everything goes on,
 * and the ledger says exactly what was shed.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { until } from '@frame-buffer/testkit';
import { describe, expect, test } from 'vitest';
import { Site } from './site.ts';

const OUTAGE_MS = 20_000;
const MiB = 1024 * 1024;

interface Outage {
  readonly captured: number;
  readonly sequence: number;
  readonly shed: number;
  readonly unaccounted: number;
  readonly reasons: Record<string, number>;
  readonly peakBytes: number;
  readonly processed: number;
  readonly expired: number;
}

/** Two cameras, an outage, recovery, and the books. */
async function outage(bufferBytes: number): Promise<Outage> {
  await using site = await Site.start(['registry', 'health-monitor', 'orchestrator', 'quality']);
  await site.spawn('capture-gateway', { FRAME_BUFFER_GATEWAY_BUFFER_BYTES: String(bufferBytes) });
  for (const camera of ['cam-1', 'cam-2']) {
    await site.addCamera(camera, { url: 'test-pattern:?fps=10&width=640&height=360', capabilities: ['quality'] });
  }
  const sequences = async () =>
    (await Promise.all([site.camera('cam-1'), site.camera('cam-2')])).map((c) => c.sequence ?? 0);
  await until(() => site.ledger(), {
    what: 'results before',
    is: ({ ledger }) => ledger.processed > 20,
    timeoutMs: 20_000,
  });

  const gateway = site.process('capture-gateway');
  site.broker.kill('SIGKILL');
  const [before = 0] = await sequences();
  let peakBytes = 0;
  const ends = Date.now() + OUTAGE_MS;
  while (Date.now() < ends) {
    const metrics = await (await fetch(site.url('capture-gateway', '/metrics'))).text();
    const bytes = Number(/^frame_buffer_gateway_buffered_bytes\{.*\} (\d+)/m.exec(metrics)?.[1] ?? 'NaN');
    peakBytes = Math.max(peakBytes, bytes);
    await wait(250);
  }
  const [during = 0] = await sequences();
  // The cameras were not held up by the broker.
  expect(during - before).toBeGreaterThan((OUTAGE_MS / 1000) * 10 * 0.7);
  expect((await fetch(`http://127.0.0.1:${gateway.port}/health`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${gateway.port}/ready`)).status).toBe(503);
  await site.broker.restart();

  await until(() => site.ledger(), {
    what: 'life after the outage',
    is: ({ ledger }) => ledger.processed > 60,
    timeoutMs: 60_000,
  });
  await until(async () => (await fetch(`http://127.0.0.1:${gateway.port}/ready`)).status, {
    what: 'readiness',
    is: (status) => status === 200,
  });
  for (const camera of ['cam-1', 'cam-2'])
    await site.camera(camera).then(({ state }) => expect(state).toBe('streaming'));
  const last = await stopCameras(site);
  const { ledger, reasons } = await site.settled();
  return {
    captured: ledger.captured,
    sequence: last,
    shed: ledger.shed,
    unaccounted: ledger.unaccounted,
    processed: ledger.processed,
    expired: ledger.expired,
    reasons,
    peakBytes,
  };
}

/** Stops the gateway in peace, and returns how many frames its cameras had numbered. */
async function stopCameras(site: Site): Promise<number> {
  const gateway = site.process('capture-gateway');
  await gateway.stop({ graceMs: 20_000 });
  const stopped = await Promise.all(
    ['cam-1', 'cam-2'].map((camera) =>
      gateway.waitForLog((line) => line['event'] === 'camera.closed' && line['camera'] === camera, {
        what: `${camera} to close`,
      }),
    ),
  );
  return stopped.reduce((sum, line) => sum + Number(line['frames']), 0);
}

describe('broker outage of 20 s', () => {
  test('with room in memory nothing is shed', async () => {
    const books = await outage(256 * MiB);
    expect(books.captured).toBe(books.sequence);
    expect(books).toMatchObject({ shed: 0, unaccounted: 0, expired: 0, processed: books.captured });
    expect(books.peakBytes).toBeGreaterThan(MiB);
  });

  test('with a small buffer its bytes are bounded, and what was shed is in the books to the frame', async () => {
    const books = await outage(2 * MiB);
    expect(books.captured).toBe(books.sequence);
    expect(books.shed).toBeGreaterThan(50);
    expect(books).toMatchObject({
      unaccounted: 0,
      reasons: { 'shed/buffer_full': books.shed, 'processed/handled': books.processed },
    });
    expect(books.processed + books.shed + books.expired).toBe(books.captured);
    // The buffer, and the pictures that were on their way.
    expect(books.peakBytes).toBeLessThan((2 + 16) * MiB);
  });
});
