/**
 * A rolling restart: three instances of one processor are replaced one after the other under load, each by SIGTERM. Handlers end
 * well within the drain bound, so that nothing is lost and nothing is worked twice.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent } from '@frame-buffer/protocol';
import { makeJpeg, makeTestFolder, until } from '@frame-buffer/testkit';
import { expect, test } from 'vitest';
import { Site } from './site.ts';

const PUSHERS = 6;
/** Frames that one instance holds beside those that it works, at most about two rounds of its concurrency. */
const FETCHED_AHEAD = 8;

test('each acknowledged frame is worked exactly once while every instance is restarted', async () => {
  await using folder = await makeTestFolder('rolling');
  const file = join(folder.path, 'handled.log');
  writeFileSync(file, '');
  await using site = await Site.start(['registry', 'health-monitor', 'orchestrator', 'capture-gateway']);
  const entry = join(import.meta.dirname, 'recording-processor.ts');
  const start = () => site.spawnEntry('recorder', entry, { RECORD_FILE: file, RECORD_MS: '25' });
  const instances = await Promise.all([start(), start(), start()]);
  await site.addCamera('gate', { url: 'push:', capabilities: ['record'] });
  await until(() => site.camera('gate'), { what: 'the camera to be owned', is: ({ state }) => state === 'streaming' });
  const lost: AuditEvent[] = [];
  const nc = await site.broker.connect();
  nc.subscribe('events.processor.recorder', {
    callback: (_error, message) => {
      const event = message.json<AuditEvent>();
      if (event.to === 'lost' || event.event === 'queue.returned') lost.push(event);
    },
  });

  const jpeg = await makeJpeg({ width: 160, height: 120 });
  const acknowledged = new Set<string>();
  let isRestarting = true;
  const pusher = async () => {
    while (isRestarting) {
      const answer = await site.push('gate', jpeg);
      if (answer.status === 201) acknowledged.add(((await answer.json()) as { frame: string }).frame);
    }
  };
  const pushing = Promise.all(Array.from({ length: PUSHERS }, pusher));
  const lines = () => readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const workGoesOn = () => {
    const before = lines().length;
    return until(() => lines().length, {
      what: 'work to go on',
      is: (count) => count > before + 60,
      timeoutMs: 20_000,
    });
  };
  await workGoesOn();
  for (const instance of instances) {
    expect(await instance.stop({ graceMs: 20_000 })).toMatchObject({ code: 0 });
    await start();
    await workGoesOn();
  }
  isRestarting = false;
  await pushing;

  const { ledger, reasons } = await site.settled();
  const handled = lines();
  console.log(`${acknowledged.size} frames acknowledged`, ledger);
  expect(new Set(handled)).toEqual(acknowledged);
  expect(handled.length).toBe(acknowledged.size);
  expect(ledger).toMatchObject({
    captured: acknowledged.size,
    processed: acknowledged.size,
    unaccounted: 0,
  });
  // What an instance had fetched and not begun it gives back when it drains: delivered twice, worked once.
  expect(ledger.redelivered).toBeLessThanOrEqual(instances.length * FETCHED_AHEAD);
  expect(reasons).toEqual({ 'processed/handled': acknowledged.size });
  expect(lost).toEqual([]);
});
