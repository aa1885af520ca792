/**
 * Eight cameras, an ordered capability, and instances that come, go, die and freeze: the order of each camera, by the handlers' own
 * log; what the ledger says; and whether anything that a former owner wrote after it had lost a partition was taken.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTestFolder, type ServiceProcess, until } from '@frame-buffer/testkit';
import { expect, test } from 'vitest';
import { acceptedFromStaleOwners } from './ordered-evidence.ts';
import { Site } from './site.ts';

const CAMERAS = 8;
const FPS = 12;
/** Long enough that a frozen instance has calls in flight, which end after it was replaced. */
const HANDLER_MS = 60;

interface Line {
  readonly frame: string;
  readonly instance: string;
}

function readLog(file: string): Line[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [frame = '', instance = ''] = line.split(' ');
      return { frame, instance };
    });
}

/** First runs that came after a later frame of their camera. */
function violations(lines: readonly Line[]): string[] {
  const seen = new Set<string>();
  const newest = new Map<string, readonly [number, number]>();
  return lines.flatMap(({ frame, instance }) => {
    if (seen.has(frame)) return [];
    seen.add(frame);
    const [camera = '', epoch, sequence] = frame.split('.');
    const now = [Number(epoch), Number(sequence)] as const;
    const last = newest.get(camera);
    if (last !== undefined && (now[0] < last[0] || (now[0] === last[0] && now[1] < last[1])))
      return [`${frame} by ${instance}`];
    newest.set(camera, now);
    return [];
  });
}

function repeatsBy(lines: readonly Line[], instance: string): number {
  const seen = new Set<string>();
  return lines.filter(({ frame, instance: by }) => {
    const isRepeat = seen.has(frame);
    seen.add(frame);
    return isRepeat && by === instance;
  }).length;
}

interface PartitionsAnswer {
  readonly partitions: readonly { partition: number; instance: string; epoch: number; state: string }[];
}

test('an ordered capability keeps its order through joins, leaves, crashes and a frozen owner', async () => {
  await using folder = await makeTestFolder('ordered');
  const file = join(folder.path, 'handled.log');
  writeFileSync(file, '');
  await using site = await Site.start([
    'registry',
    'health-monitor',
    'orchestrator',
    'orchestrator',
    'capture-gateway',
  ]);
  const policy = await fetch(site.url('registry', '/api/v1/capabilities/track'), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ordered: true, partitions: 8 }),
  });
  expect(policy.status).toBe(200);
  const spawn = () =>
    site.spawnEntry('tracker', join(import.meta.dirname, 'ordered-processor.ts'), {
      ORDERED_FILE: file,
      ORDERED_MS: String(HANDLER_MS),
    });
  const [a, b, c] = (await Promise.all([spawn(), spawn(), spawn()])) as [
    ServiceProcess,
    ServiceProcess,
    ServiceProcess,
  ];

  const owners = async () => {
    const { partitions } = await site.get<PartitionsAnswer>('registry', '/api/v1/processors/tracker/partitions');
    const counts: Record<string, number> = {};
    for (const { instance, state } of partitions)
      if (state === 'assigned') counts[instance] = (counts[instance] ?? 0) + 1;
    return counts;
  };
  const shared = (instances: readonly ServiceProcess[], timeoutMs = 20_000) =>
    until(owners, {
      what: `8 partitions shared by ${instances.map(({ name }) => name).join(', ')}`,
      is: (counts) =>
        Object.values(counts).reduce((sum, count) => sum + count, 0) === 8 &&
        instances.every(({ name }) => (counts[name] ?? 0) >= Math.floor(8 / instances.length)),
      timeoutMs,
    });
  await shared([a, b, c]);
  for (let i = 1; i <= CAMERAS; i++)
    await site.addCamera(`cam-${i}`, {
      url: `test-pattern:?width=64&height=64&fps=${FPS}`,
      capabilities: ['track'],
    });
  const progress = async (frames: number) => {
    const from = readLog(file).length;
    await until(() => readLog(file).length, {
      what: `${frames} further frames`,
      is: (length) => length > from + frames,
      timeoutMs: 20_000,
      intervalMs: 50,
    });
  };
  await progress(200);

  const d = await spawn();
  await shared([a, b, c, d]);
  await progress(200);

  b.kill('SIGTERM');
  await b.exited;
  await shared([a, c, d]);
  await progress(200);

  c.kill('SIGKILL');
  await shared([a, d]);
  await progress(200);

  a.kill('SIGSTOP');
  const stoppedAt = performance.now();
  await shared([d]);
  await until(() => performance.now() - stoppedAt, {
    what: '8 s of standing still',
    is: (ms) => ms > 8_000,
    timeoutMs: 10_000,
  });
  a.kill('SIGCONT');
  await shared([a, d]);
  await progress(200);

  await site.process('capture-gateway').stop();
  const { ledger } = await site.settled(60_000);
  const lines = readLog(file);
  const once = new Set(lines.map(({ frame }) => frame));
  const stale = await acceptedFromStaleOwners(site.broker, 'tracker');
  expect(violations(lines)).toEqual([]);
  expect(stale.accepted).toEqual([]);
  // The control: the frozen owner did end calls after it was replaced, whose frames others had worked by then.
  expect(repeatsBy(lines, a.name)).toBeGreaterThan(0);
  expect(stale.takeOvers).toBeGreaterThan(8);
  expect(ledger).toMatchObject({ unaccounted: 0, dead_lettered: 0, in_flight: 0 });
  expect(ledger.captured - ledger.shed - ledger.expired).toBe(once.size);
  expect(ledger.processed).toBe(once.size);
  expect(lines.length - once.size).toBeLessThanOrEqual(ledger.redelivered);
});

test('all instances are killed, and others come: late frames are superseded rather than worked out of order, none is lost', async () => {
  await using folder = await makeTestFolder('ordered-lost');
  const file = join(folder.path, 'handled.log');
  writeFileSync(file, '');
  await using site = await Site.start(['registry', 'health-monitor', 'orchestrator', 'capture-gateway']);
  await fetch(site.url('registry', '/api/v1/capabilities/track'), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ordered: true, partitions: 4 }),
  });
  const env = { ORDERED_FILE: file, ORDERED_MS: '40' };
  const spawn = () => site.spawnEntry('tracker', join(import.meta.dirname, 'ordered-processor.ts'), env);
  const [a, b] = await Promise.all([spawn(), spawn()]);
  for (const camera of ['cam-1', 'cam-2', 'cam-3'])
    await site.addCamera(camera, { url: 'test-pattern:?width=64&height=64&fps=20', capabilities: ['track'] });
  await until(() => readLog(file).length, { what: 'frames', is: (count) => count > 100, timeoutMs: 20_000 });
  a.kill('SIGKILL');
  b.kill('SIGKILL');
  const view = () => site.get<{ lifecycle?: { state: string } }>('registry', '/api/v1/processors/tracker');
  await until(view, { what: 'it to be lost', is: ({ lifecycle }) => lifecycle?.state === 'lost', timeoutMs: 10_000 });
  const before = readLog(file).length;
  await spawn();
  await until(() => readLog(file).length, {
    what: 'frames again',
    is: (count) => count > before + 100,
    timeoutMs: 20_000,
  });
  await site.process('capture-gateway').stop();
  const { ledger } = await site.settled(60_000);
  const lines = readLog(file);
  const once = new Set(lines.map(({ frame }) => frame));
  expect(violations(lines)).toEqual([]);
  expect(ledger).toMatchObject({ unaccounted: 0, dead_lettered: 0, processed: once.size });
  expect(ledger.processed + ledger.superseded + ledger.expired + ledger.shed).toBe(ledger.captured);
});
