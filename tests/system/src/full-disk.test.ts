/**
 * The disk of the broker's store runs full. Pushed frames are refused with a clear answer, the services live on, what was
 * acknowledged before is not lost, and after somebody has made room everything goes on.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeJpeg, makeTestFolder, startTestBroker, until } from '@frame-buffer/testkit';
import { expect, test } from 'vitest';
import { Site } from './site.ts';

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
const reason = 'mounting a small disk needs root on Linux';

test('full disk', { skip: !isRoot, meta: isRoot ? {} : { skipReason: reason } }, async () => {
  await using folder = await makeTestFolder('disk');
  const disk = join(folder.path, 'disk');
  execFileSync('mkdir', [disk]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
  try {
    await onDisk(disk, join(folder.path, 'handled.log'));
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});

async function onDisk(disk: string, file: string): Promise<void> {
  writeFileSync(file, '');
  // The streams' bounds are larger than the disk, as on a machine whose disk is filled by somebody else.
  const broker = await startTestBroker({ storeDir: join(disk, 'store'), jetstreamMaxFile: 64 * 1024 ** 3 });
  await using site = await Site.start(['registry', 'health-monitor', 'orchestrator', 'capture-gateway'], { broker });
  await site.spawnEntry('recorder', join(import.meta.dirname, 'recording-processor.ts'), { RECORD_FILE: file });
  await site.addCamera('gate', { url: 'push:', capabilities: ['record'] });
  await until(() => site.camera('gate'), { what: 'the camera', is: ({ state }) => state === 'streaming' });
  const jpeg = Buffer.from(await makeJpeg({ width: 1280, height: 720, noise: true, quality: 90 }));
  expect(jpeg.length).toBeGreaterThan(300_000);

  const acknowledged = new Set<string>();
  const waiting = new Set<string>();
  const push = async (): Promise<number> => {
    const answer = await site.push('gate', jpeg);
    const body = (await answer.json()) as { frame?: string; detail?: string; code?: string };
    if (answer.status === 201) acknowledged.add(body.frame ?? '');
    else {
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(body.code).toBe('broker_unavailable');
      waiting.add(/Frame (\S+)/.exec(body.detail ?? '')?.[1] ?? '');
    }
    return answer.status;
  };
  let status = 201;
  for (let i = 0; i < 400 && status === 201; i++) status = await push();
  expect(status).toBe(503);
  expect(acknowledged.size).toBeGreaterThan(20);
  for (const service of ['registry', 'health-monitor', 'orchestrator', 'capture-gateway']) {
    expect((await fetch(site.url(service, '/health'))).status).toBe(200);
  }

  execFileSync('mount', ['-o', 'remount,size=512m', disk]);
  // A nats-server that ran out of space disables JetStream until it is started again.
  await broker.restart();
  await until(push, { what: 'pushing to work again', is: (now) => now === 201, timeoutMs: 40_000 });
  const handled = () => new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean));
  await until(() => [...acknowledged, ...waiting].filter((frame) => !handled().has(frame)), {
    what: 'every acknowledged and every waiting frame to be handled',
    is: (missing) => missing.length === 0,
    timeoutMs: 60_000,
  });
  const { ledger } = await site.settled();
  expect(ledger).toMatchObject({
    unaccounted: 0,
    shed: 0,
    dead_lettered: 0,
    captured: acknowledged.size + waiting.size,
  });
}
