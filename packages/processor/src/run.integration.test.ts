/** A processor as a process: readiness, signals, a parent that goes, a handler that blocks, a bundle. */
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTestFolder, spawnService, until } from '@frame-buffer/testkit';
import { expect, test } from 'vitest';
import { queueEmpty, type Site, startSite } from '../tests/site.ts';

const root = join(import.meta.dirname, '..');
const example = join(root, 'examples/brightness/main.ts');
const blocking = join(root, 'tests/blocking/main.ts');

const environment = (site: Site, instance: string) => ({
  FRAME_BUFFER_NATS_URL: site.broker.url,
  FRAME_BUFFER_INSTANCE: instance,
});

test('the example of the README runs, and is the one that stands there', async () => {
  await using site = await startSite();
  await using service = await spawnService({ name: 'brightness', entry: example, env: environment(site, 'b-1') });
  expect(site.registrations).toMatchObject([{ name: 'brightness', capabilities: ['brightness'], concurrency: 4 }]);
  const frame = await site.frame({ sequence: 1, capabilities: ['brightness'] }, Buffer.alloc(200, 7));
  await site.dispatch('brightness', [frame], { capability: 'brightness' });
  await queueEmpty(site);
  expect((await site.results()).map(({ result }) => result)).toEqual([{ bytes: 200, middle: 7 }]);
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  expect(service.logs.map((line) => line['event'])).toContain('processor.drained');
  expect(await site.instance('brightness', 'b-1')).toBeUndefined();

  const readme = await readFile(join(root, 'README.md'), 'utf8');
  expect(readme).toContain((await readFile(example, 'utf8')).trim());
});

test('a handler that blocks the event loop for 4 s is busy, not dead', async () => {
  await using site = await startSite();
  await using _service = await spawnService({ name: 'blocking', entry: blocking, env: environment(site, 'x') });
  const seen: number[] = [];
  await site.dispatch('blocking', [await site.frame({ sequence: 1, attributes: { blockMs: 4_000 } })]);
  // The key lives 3 s without a beat: if the main thread had to beat, it would go.
  await until(
    async () => {
      const instance = await site.instance('blocking', 'x');
      if (instance === undefined) throw new Error('the heartbeat is gone');
      seen.push(instance.blockedMs ?? 0);
      return instance.processed === 1;
    },
    { what: 'the end of the work', timeoutMs: 10_000, intervalMs: 100 },
  );
  expect(Math.max(...seen)).toBeGreaterThan(2_000);
  expect(seen.at(-1)).toBeLessThan(1_000);
  await queueEmpty(site);
});

test('a parent that goes takes the processor with it, drained', async () => {
  await using site = await startSite();
  const child = fork(blocking, {
    env: { ...process.env, ...environment(site, 'orphan') },
    stdio: 'pipe',
    execArgv: [],
  });
  expect((await once(child, 'message'))[0]).toEqual({ type: 'ready' });
  expect(await site.instance('blocking', 'orphan')).toBeDefined();
  child.disconnect();
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(await site.instance('blocking', 'orphan')).toBeUndefined();
});

test('without broker it waits, says so, and ends on SIGTERM', async () => {
  const env = { ...process.env, FRAME_BUFFER_NATS_URL: 'nats://127.0.0.1:1' };
  const child = fork(blocking, { env, stdio: 'pipe', execArgv: [] });
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  expect(JSON.parse(line.toString())).toMatchObject({ event: 'broker.waiting' });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('faults of the environment end it with a clear message', async () => {
  const env = { ...process.env, FRAME_BUFFER_CONCURRENCY: 'many' };
  const run = promisify(execFile)(process.execPath, [blocking], { env });
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('FRAME_BUFFER_CONCURRENCY is not allowed'),
  });
});

test('in a bundle the heartbeat has its thread when the second file is there, and beats without it', async () => {
  await using site = await startSite();
  await using folder = await makeTestFolder('bundle');
  const rolldown = join(root, '../../node_modules/.bin/rolldown');
  const bundle = async (from: string, to: string) => {
    const args = [from, '-p', 'node', '-f', 'esm', '--external', 'lz4-napi', '-o', join(folder.path, to)];
    await promisify(execFile)(rolldown, args, { cwd: root });
  };
  // A native module, which no bundle can hold, lies beside it.
  await mkdir(join(folder.path, 'node_modules'));
  await symlink(join(root, '../protocol/node_modules/lz4-napi'), join(folder.path, 'node_modules/lz4-napi'));
  await bundle(blocking, 'main.mjs');
  const entry = join(folder.path, 'main.mjs');
  const onMainThread = {
    what: 'a warning',
    where: (line: { event?: unknown }) => line.event === 'heartbeat.onMainThread',
  };
  {
    await using alone = await spawnService({ name: 'bundle', entry, env: environment(site, 'alone') });
    await alone.waitForLog(onMainThread.where, onMainThread);
    expect(await site.instance('blocking', 'alone')).toBeDefined();
  }
  await bundle('src/heartbeat/heartbeat.worker.ts', 'heartbeat.worker.mjs');
  await using both = await spawnService({ name: 'bundle', entry, env: environment(site, 'both') });
  expect(await site.instance('blocking', 'both')).toBeDefined();
  expect(both.logs.some(onMainThread.where)).toBe(false);
});
