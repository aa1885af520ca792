import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { spawnService } from './service-process.ts';
import { makeTestFolder, type TestFolder } from './test-folder.ts';

/** A main with this body, in TypeScript, as services have. */
async function makeMain(folder: TestFolder, body: string): Promise<string> {
  const entry = join(folder.path, 'main.ts');
  await writeFile(
    entry,
    `const port: number = 4711;\nconst log = (line: object): void => console.log(JSON.stringify(line));\n${body}`,
  );
  return entry;
}

const STAY = `process.on('SIGTERM', () => { log({ event: 'stopped' }); process.exit(0); }); setInterval(() => {}, 1000);`;
const READY = `process.send?.({ type: 'ready', port });`;

test('S1 and S3: the ready message carries the port, and the log is collected from its first line', async () => {
  await using folder = await makeTestFolder();
  const entry = await makeMain(
    folder,
    `log({ event: 'started', mode: process.env['MODE'] }); console.log('not JSON'); ${STAY} ${READY}`,
  );
  await using service = await spawnService({ name: 'sample', entry, env: { MODE: 'test' } });
  expect(service.port).toBe(4711);
  const line = await service.waitForLog(({ event }) => event === 'started', { what: 'its start' });
  expect(line).toEqual({ event: 'started', mode: 'test' });

  const stopped = service.waitForLog(({ event }) => event === 'stopped', { what: 'its end' });
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  await stopped;
  expect(service.logs).toHaveLength(2);
});

test('S1 a service that ends early: the error tells how, and what it said', async () => {
  await using folder = await makeTestFolder();
  const entry = await makeMain(folder, `log({ event: 'refused' }); console.error('no broker there'); process.exit(3);`);
  const failing = spawnService({ name: 'sample', entry });
  await expect(failing).rejects.toThrow(
    /sample ended \(exit code 3\) before it was ready[\s\S]*refused[\s\S]*no broker/,
  );
});

test('S1 a service that never gets ready is killed', async () => {
  await using folder = await makeTestFolder();
  const entry = await makeMain(folder, `log({ event: 'pid', pid: process.pid }); ${STAY}`);
  const error: unknown = await spawnService({ name: 'sample', entry, readyTimeoutMs: 600 }).catch((reason) => reason);
  const pid = Number(/"pid":(\d+)/.exec(String(error))?.[1]);
  expect(String(error)).toContain('Waited 600 ms for sample to be ready');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a frozen service can be stopped, a killed one tells the signal', async () => {
  await using folder = await makeTestFolder();
  const entry = await makeMain(folder, `${STAY} ${READY}`);
  await using frozen = await spawnService({ name: 'frozen', entry });
  frozen.kill('SIGSTOP');
  expect(await frozen.stop()).toEqual({ code: 0, signal: null });

  await using killed = await spawnService({ name: 'killed', entry });
  killed.kill('SIGKILL');
  expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('waitForLog - a failure shows what was logged instead', async () => {
  await using folder = await makeTestFolder();
  await using service = await spawnService({
    name: 'sample',
    entry: await makeMain(folder, `log({ event: 'one' }); ${STAY} ${READY}`),
  });
  const waiting = service.waitForLog(({ event }) => event === 'two', { what: 'two', timeoutMs: 50 });
  await expect(waiting).rejects.toThrow(/Waited 50 ms for sample to log two[\s\S]*"one"/);
});
