import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { GuardMode } from './launcher.ts';
import { type Child, spawnChild } from './spawn.ts';

const modes: GuardMode[] = ['auto', 'guard-process', 'none'];

describe.each(modes)('spawnChild - guard %s', (guard) => {
  it('reports exit code, output and the arguments as given', async () => {
    const script = 'printf "%s|" "$@"; echo problem >&2; exit 3';
    const child = spawnChild({ command: 'sh', args: ['-c', script, '-', 'a b', '$HOME', ''], stdout: 'pipe', guard });
    const output = text(child);

    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect(await output).toBe('a b|$HOME||');
    expect(child.stderrTail()).toBe('problem\n');
  });

  it('the pid is the command itself', async () => {
    const child = spawnChild({ command: 'sh', args: ['-c', 'echo $$'], stdout: 'pipe', guard });
    expect(Number(await text(child))).toBe(child.pid);
  });

  it('a signal reaches the command', async () => {
    const child = spawnChild({ command: 'sleep', args: ['60'], guard });
    expect(child.kill()).toBe(true);
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(child.kill()).toBe(false);
  });

  it('stop ends a child that obeys SIGTERM by it, and may be called again', async () => {
    const child = spawnChild({ command: 'sh', args: ['-c', 'echo ready; exec sleep 60'], stdout: 'pipe', guard });
    await firstData(child);
    const [first, second] = await Promise.all([child.stop(), child.stop()]);
    expect(first).toEqual({ code: null, signal: 'SIGTERM' });
    expect(second).toEqual(first);
    expect(await child.stop()).toEqual(first);
  });

  it('stop kills a child that ignores SIGTERM, after killAfterMs', async () => {
    const script = 'trap "" TERM; echo ready; exec sleep 60';
    const child = spawnChild({ command: 'sh', args: ['-c', script], stdout: 'pipe', killAfterMs: 200, guard });
    await firstData(child);
    const startedAt = performance.now();
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195);
  });

  it('stop drains, so a child that is blocked writing can end in order', async () => {
    const script = 'trap "exit 7" TERM; head -c 1000000 /dev/zero; sleep 60';
    const child = spawnChild({ command: 'sh', args: ['-c', script], stdout: 'pipe', killAfterMs: 20_000, guard });
    await once(child.stdout ?? never(), 'readable');
    child.stdout?.removeAllListeners('readable');
    // The trap runs between two commands: after `head`, whose writing nobody has read.
    expect(await child.stop()).toEqual({ code: 7, signal: null });
  });

  it('both outputs are drained without a reader', async () => {
    const script = 'head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; echo; echo end >&2';
    const child = spawnChild({ command: 'sh', args: ['-c', script], guard });
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  it('a command that does not exist is a typed error, at once', () => {
    expect(() => spawnChild({ command: 'no-such-command', guard })).toThrow(
      expect.objectContaining({ code: 'command_not_found', message: expect.stringContaining('no-such-command') }),
    );
    expect(() => spawnChild({ command: '/etc/passwd', guard })).toThrow(
      expect.objectContaining({ code: 'command_not_found' }),
    );
    expect(() => spawnChild({ command: 'sleep', env: { PATH: '/nowhere' }, guard })).toThrow(
      expect.objectContaining({ code: 'command_not_found' }),
    );
    expect(() => spawnChild({ command: 'sleep', cwd: '/no/such/folder', guard })).toThrow(
      expect.objectContaining({ code: 'spawn_failed' }),
    );
  });

  it('parent and child talk over ipc', async () => {
    const script = 'process.on("message", (m) => { process.send({ echo: m }); process.disconnect(); })';
    const child = spawnChild({ command: process.execPath, args: ['-e', script], ipc: true, guard });
    const answer = new Promise((resolve) => child.onMessage(resolve));
    expect(child.send({ hello: 1 })).toBe(true);
    expect(await answer).toEqual({ echo: { hello: 1 } });
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.send({ hello: 2 })).toBe(false);
  });

  it('stdin is the caller’s, and writing to a child that is gone throws nothing', async () => {
    const child = spawnChild({ command: 'sh', args: ['-c', 'read x; exit "$x"'], stdin: 'pipe', guard });
    child.stdin?.write('4\n');
    expect(await child.exited).toEqual({ code: 4, signal: null });
    child.stdin?.write('5\n');
  });

  it('detached children have a process group of their own', async () => {
    const groupOf = async (detached: boolean) => {
      const child = spawnChild({ command: 'sh', args: ['-c', 'ps -o pgid= -p $$'], stdout: 'pipe', detached, guard });
      return Number(await text(child)) === child.pid;
    };
    expect(await groupOf(true)).toBe(true);
    expect(await groupOf(false)).toBe(false);
  });

  it('a grandchild that holds the outputs open does not hold up `exited`', async () => {
    const child = spawnChild({ command: 'sh', args: ['-c', 'sleep 5 & exit 0'], guard });
    const startedAt = performance.now();
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});

async function text(child: Child): Promise<string> {
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  await child.exited;
  return Buffer.concat(chunks).toString();
}

async function firstData(child: Child): Promise<void> {
  await once(child.stdout ?? never(), 'data');
}

function never(): never {
  throw new Error('no stdout');
}
