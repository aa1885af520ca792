/**
 * Two orchestrators and three instances of one processor share the work; one of each is killed. What the gateway acknowledged
 * over HTTP, what the handlers did, and what the ledger says must agree frame by frame.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeJpeg, makeTestFolder, until } from '@frame-buffer/testkit';
import { expect, test } from 'vitest';
import { Site } from './site.ts';

const FRAMES = 600;
const PUSHERS = 8;

test('one orchestrator and one processor instance are killed under load: nothing acknowledged is lost', async () => {
  await using folder = await makeTestFolder('kill');
  const file = join(folder.path, 'handled.log');
  writeFileSync(file, '');
  await using site = await Site.start([
    'registry',
    'health-monitor',
    'orchestrator',
    'orchestrator',
    'capture-gateway',
  ]);
  const entry = join(import.meta.dirname, 'recording-processor.ts');
  const instances = await Promise.all(
    [1, 2, 3].map(() => site.spawnEntry('recorder', entry, { RECORD_FILE: file, RECORD_PIXELS: 'yes' })),
  );
  await site.addCamera('gate', { url: 'push:', capabilities: ['record'] });
  await until(() => site.camera('gate'), { what: 'the camera to be owned', is: ({ state }) => state === 'streaming' });

  const jpeg = await makeJpeg({ width: 320, height: 240 });
  const acknowledged = new Set<string>();
  let sent = 0;
  const pusher = async () => {
    while (sent < FRAMES) {
      sent += 1;
      const answer = await site.push('gate', jpeg);
      if (answer.status === 201) acknowledged.add(((await answer.json()) as { frame: string }).frame);
    }
  };
  const pushing = Promise.all(Array.from({ length: PUSHERS }, pusher));
  const handledLines = () => readFileSync(file, 'utf8').split('\n').filter(Boolean);
  await until(() => handledLines().length, { what: 'work to be under way', is: (lines) => lines > 100 });
  instances[0]?.kill('SIGKILL');
  site.process('orchestrator').kill('SIGKILL');
  await pushing;
  expect(acknowledged.size).toBe(FRAMES);

  // A killed instance's messages come back after the ack wait of 30 s.
  const { ledger, reasons } = await site.settled(90_000);
  const handled = new Set(handledLines());
  expect([...acknowledged].filter((frame) => !handled.has(frame))).toEqual([]);
  expect([...handled].filter((frame) => !acknowledged.has(frame))).toEqual([]);
  expect(ledger).toMatchObject({
    captured: FRAMES,
    processed: FRAMES,
    dead_lettered: 0,
    expired: 0,
    shed: 0,
    unaccounted: 0,
  });
  expect(reasons).toEqual({ 'processed/handled': FRAMES });
  expect(handledLines().length - handled.size).toBeLessThanOrEqual(ledger.redelivered);
});
