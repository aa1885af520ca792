import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockStore } from './store-lock.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'frame-buffer-lock-'));
  path = join(folder, 'broker.lock');
});

afterEach(() => rmSync(folder, { recursive: true }));

const inUse = expect.objectContaining({ code: 'store_in_use' });

test('store lock - L1 one holder at a time; released, it is free', () => {
  const lock = lockStore(folder, path);
  expect(() => lockStore(folder, path)).toThrow(inUse);
  lock.release();
  lock.release();
  lockStore(folder, path).release();
  expect(readdirSync(folder)).toEqual([]);
});

test('store lock - L1 the process that it was handed to keeps it, and is named', () => {
  lockStore(folder, path).handTo(1);
  expect(() => lockStore(folder, path)).toThrow(/in use by process 1\b/);
});

test.for([
  ['a process that is gone', '{"pid":4194400,"startedAt":""}'],
  ['rubbish', 'half a lo'],
])('store lock - L2 %s holds nothing', ([, text]) => {
  writeFileSync(path, text ?? '');
  lockStore(folder, path).release();
  expect(existsSync(path)).toBe(false);
});

test.skipIf(process.platform !== 'linux')('store lock - L2 a later process with the same id holds nothing', () => {
  writeFileSync(path, JSON.stringify({ pid: process.pid, startedAt: '1' }));
  lockStore(folder, path).release();
});
