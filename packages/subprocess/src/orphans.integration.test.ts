/** P1 and L2: what is left of the children when the parent is SIGKILLed. Needs /proc. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import type { GuardMode } from './launcher.ts';

const guarded: GuardMode[] = ['auto', 'guard-process'];
const started: number[] = [];

afterEach(() => {
  for (const pid of started.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
});

describe.skipIf(process.platform !== 'linux')('orphans', () => {
  it.each(guarded)('with guard %s a child dies with its SIGKILLed parent', async (guard) => {
    const { parent, pids } = await startParent(guard, 1, ['sleep', '300']);
    await expect.poll(() => commandOf(pids[0])).toMatch(/sleep 300$/);

    parent.kill('SIGKILL');

    await expect.poll(() => isAlive(pids[0]), { timeout: 3_000, interval: 10 }).toBe(false);
  });

  it('without a guard it survives: the control of the test above', async () => {
    const { parent, pids } = await startParent('none', 1, ['sleep', '300']);
    const gone = new Promise((resolve) => parent.once('exit', resolve));

    parent.kill('SIGKILL');
    await gone;

    await expect.poll(() => parentOf(pids[0])).not.toBe(parent.pid);
    expect(isAlive(pids[0])).toBe(true);
  });

  it.each(guarded)('with guard %s a parent killed in the middle of its starts leaves nothing', async (guard) => {
    const marker = `300.${process.pid}${guarded.indexOf(guard)}`;
    const { parent } = await startParent(guard, 200, ['sleep', marker], 3);

    parent.kill('SIGKILL');

    await expect
      .poll(() => livingPids().filter((pid) => commandOf(pid).includes(marker)), { timeout: 5_000, interval: 20 })
      .toEqual([]);
  });

  it('a guard that was killed is replaced', async () => {
    const { parent, pids } = await startParent('guard-process', 1, ['sleep', '300']);
    await expect.poll(() => commandOf(pids[0])).toMatch(/sleep 300$/);
    const guardPid = guardOf(parent, pids);
    expect(guardPid).toBeDefined();

    process.kill(guardPid ?? 0, 'SIGKILL');
    await expect.poll(() => guardOf(parent, pids)).not.toBe(guardPid);
    await expect.poll(() => guardOf(parent, pids)).toBeDefined();
    parent.kill('SIGKILL');

    await expect.poll(() => isAlive(pids[0]), { timeout: 3_000, interval: 10 }).toBe(false);
  });
});

/** Resolves when `until` children have been started. */
async function startParent(guard: GuardMode, count: number, command: string[], until = count) {
  const fixture = new URL('./orphan.fixture.ts', import.meta.url).pathname;
  const parent = spawn(process.execPath, [fixture, guard, String(count), ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pids: number[] = [];
  await new Promise<void>((resolve, reject) => {
    parent.once('exit', () => reject(new Error('the parent ended early')));
    createInterface({ input: parent.stdout }).on('line', (line) => {
      pids.push(Number(line));
      started.push(Number(line));
      if (pids.length === until) resolve();
    });
  });
  if (parent.pid !== undefined) started.push(parent.pid);
  return { parent, pids };
}

function guardOf(parent: ChildProcess, children: number[]): number | undefined {
  return livingPids().find((pid) => parentOf(pid) === parent.pid && !children.includes(pid));
}

function livingPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isAlive(pid));
}

function isAlive(pid: number | undefined): boolean {
  const state = statOf(pid)?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function parentOf(pid: number | undefined): number {
  return Number(statOf(pid)?.[1]);
}

function commandOf(pid: number | undefined): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

/** The fields behind the name, which stands in brackets: state, parent's pid… */
function statOf(pid: number | undefined): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
