import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { launch } from './launcher.ts';

describe('launch - L2, the command begins only when its end is certain', () => {
  it('a guarded command begins', () => {
    const { command, args, gated } = launch('auto', '/bin/sh', ['-c', 'exit 7']);
    const gate = gated ? spawnSync('sh', ['-c', 'echo go | "$@" 3<&0', '-', command, ...args]) : undefined;
    expect((gate ?? spawnSync(command, args)).status).toBe(7);
  });

  it.skipIf(launch('auto', 'x', []).gated)('not when the parent died before the kernel was told', () => {
    const { command, args } = launch('auto', '/bin/sh', ['-c', 'exit 7']);
    const ofAnother = args.map((arg) => (arg === String(process.pid) ? '1' : arg));
    expect(spawnSync(command, ofAnother).status).toBe(125);
  });

  it('not when the parent died before the guard was told', () => {
    const { command, args } = launch('guard-process', '/bin/sh', ['-c', 'exit 7']);
    const endOfFile = spawnSync('sh', ['-c', '"$@" 3</dev/null', '-', command, ...args]);
    expect(endOfFile.status).toBe(125);
  });

  it('unguarded, it is the command itself', () => {
    expect(launch('none', '/bin/true', ['a'])).toEqual({ command: '/bin/true', args: ['a'], gated: false });
  });
});
