import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { RunLogs } from './logs.ts';

const folders: string[] = [];
const line = (text: string) => Buffer.from(`${text}\n`);

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function dataDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'frame-buffer-logs-'));
  folders.push(folder);
  return folder;
}

test('F1 a full file is put aside once, so that two files bound the whole', () => {
  const logs = new RunLogs(dataDir(), new Date(), 10);
  const file = logs.file('registry');
  for (const text of ['first-part', 'second-part', 'third-part']) file.write(line(text));
  logs.close();

  expect(readFileSync(logs.pathOf('registry'), 'utf8')).toBe('third-part\n');
  expect(readFileSync(join(logs.folder, 'registry.old.log'), 'utf8')).toBe('second-part\n');
  expect(logs.tail('registry', 1)).toBe('third-part');
});

test('F1 the last five runs are kept, this one among them', () => {
  const data = dataDir();
  const runs = Array.from({ length: 8 }, (_, hour) => new RunLogs(data, new Date(Date.UTC(2026, 0, 1, hour))));
  runs.at(-1)?.prune();

  expect(readdirSync(join(data, 'logs'))).toEqual(runs.slice(-5).map(({ folder }) => folder.split('/').at(-1)));
});

test('F2 a folder that is gone loses lines, and nothing throws', () => {
  const logs = new RunLogs(dataDir(), new Date());
  rmSync(logs.folder, { recursive: true });

  expect(() => logs.file('registry').write(line('lost'))).not.toThrow();
  expect(logs.tail('registry', 5)).toBe('');
});

describe('a data folder that cannot be is said so', () => {
  const entry = join(import.meta.dirname, '../main.ts');

  // As a process: what must not happen is that it goes round for ever.
  test.each([
    join(import.meta.filename, 'below-a-file'),
    ...(process.platform === 'linux' ? ['/proc/frame-buffer'] : []),
  ])('%s', (folder) => {
    const run = spawnSync(process.execPath, [entry, 'dev', '--data', folder], {
      encoding: 'utf8',
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    expect(run).toMatchObject({ status: 1, signal: null });
    expect(run.stdout + run.stderr).toContain(`The data folder ${folder} cannot be used`);
  });
});
