/**
 * Child processes that never outlive their parent.
 *
 *   P1  The child is dead shortly after this process is, however this process ends, SIGKILL included (launcher.ts).
 *   P2  A child is never blocked by an output that nobody reads: stderr is always drained and its end kept; stdout is
 *       drained, or the caller's to read until `stop`, and drained from then on.
 *   P3  `stop` ends every child: SIGTERM, then SIGKILL.
 *   P4  Nothing here is thrown later: what can fail at the start throws from `spawnChild`; `exited` never rejects.
 *
 * Cannot do: guard a setuid program (the kernel forgets the death signal), or the children of the child, unless they are
 * started by this package too.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { findCommand } from './command.ts';
import { SubprocessError } from './errors.ts';
import { startGuard, unwatch, watch } from './guard.ts';
import { type GuardMode, launch } from './launcher.ts';
import { Tail } from './tail.ts';

export interface SpawnChildOptions {
  /** A name on the PATH of `env`, or a path. */
  readonly command: string;
  readonly args?: readonly string[];
  /** The whole environment of the child. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Default `ignore`. */
  readonly stdin?: 'ignore' | 'pipe';
  /** `pipe`: read `child.stdout`; `drain`: thrown away; `inherit`: this process's. Default `drain`. */
  readonly stdout?: 'pipe' | 'drain' | 'inherit';
  /** How much of the end of stderr is kept, in bytes. Default 8192. */
  readonly stderrKeepBytes?: number;
  /** From SIGTERM to SIGKILL in `stop`, in ms. Default 1000. */
  readonly killAfterMs?: number;
  /** A process group of its own: Ctrl-C reaches this process only, which then stops its children in order. Default false. */
  readonly detached?: boolean;
  /** A Node IPC channel: `send` and `onMessage` here, `process.send` and `process.on('message')` there. Default false. */
  readonly ipc?: boolean;
  /** Default `auto`. */
  readonly guard?: GuardMode;
}

/** As Node reports it: one of the two is null. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  /** Of the command itself, not of a wrapper. */
  readonly pid: number;
  /** Present with `stdin: 'pipe'`. Errors of a closed pipe are swallowed: the child's end tells. */
  readonly stdin: Writable | undefined;
  /** Present with `stdout: 'pipe'`. Read it by `data` events, since `stop` switches it to flowing. */
  readonly stdout: Readable | undefined;
  /** Resolves after the end of the process and of its outputs, at the latest 500 ms after the process. */
  readonly exited: Promise<ChildExit>;
  /** The last whole lines of stderr. May hold secrets that the child printed. */
  stderrTail(): string;
  /** SIGTERM, after `graceMs` (default `killAfterMs`) SIGKILL, resolves when it is gone. Idempotent. */
  stop(options?: { readonly graceMs?: number }): Promise<ChildExit>;
  /** Sends a signal, default SIGKILL, and does not wait. False when the child is gone. */
  kill(signal?: NodeJS.Signals): boolean;
  /** With `ipc`. False when the channel is closed. */
  send(message: object): boolean;
  /** With `ipc`. */
  onMessage(listener: (message: unknown) => void): void;
}

const OUTPUT_GRACE_MS = 500;

/** @throws SubprocessError `command_not_found`, `spawn_failed` */
export function spawnChild(options: SpawnChildOptions): Child {
  const { child, pid } = start(options);
  const stderr = new Tail(options.stderrKeepBytes ?? 8_192);
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin?.on('error', ignore);
  if (options.stdout !== 'pipe') child.stdout?.resume();

  const ended = once<ChildExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const exited = once<ChildExit>((resolve) => {
    child.once('exit', (code, signal) => setTimeout(resolve, OUTPUT_GRACE_MS, { code, signal }).unref());
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  child.once('exit', () => unwatch(pid));

  const kill = (signal: NodeJS.Signals = 'SIGKILL') => child.kill(signal);
  return {
    pid,
    stdin: child.stdin ?? undefined,
    stdout: options.stdout === 'pipe' ? (child.stdout ?? undefined) : undefined,
    exited,
    stderrTail: () => stderr.toString(),
    kill,
    async stop({ graceMs = options.killAfterMs ?? 1_000 } = {}) {
      // A child that is blocked writing does not act on SIGTERM.
      drain(child.stdout);
      kill('SIGTERM');
      const force = setTimeout(kill, graceMs);
      await ended;
      clearTimeout(force);
      return exited;
    },
    send: (message) => child.connected && child.send(message, ignore),
    onMessage: (listener) => void child.on('message', listener),
  };
}

function start(options: SpawnChildOptions): { child: ChildProcess; pid: number } {
  const { command, args = [], cwd, env, guard = 'auto' } = options;
  if (cwd !== undefined && !existsSync(cwd)) {
    throw new SubprocessError('spawn_failed', `The working directory ${cwd} does not exist`);
  }
  const executable = findCommand(command, { cwd, searchPath: env?.['PATH'] });
  if (executable === undefined) {
    const where = command.includes('/') ? 'is not an executable file' : 'is not on PATH';
    throw new SubprocessError('command_not_found', `Cannot start "${command}": it ${where}`);
  }

  const wrapped = launch(guard, executable, args);
  if (wrapped.gated) startGuard();
  const child = spawnOrThrow(wrapped.command, wrapped.args, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    detached: options.detached ?? false,
    stdio: streams(options, wrapped.gated),
  });
  // Failures of a signal or a message to a child that is just ending: its exit is what counts.
  child.on('error', ignore);
  const { pid } = child;
  if (pid === undefined) {
    throw new SubprocessError('spawn_failed', `The system could not start "${command}": too many processes or files?`);
  }
  if (wrapped.gated) openGate(child, pid);
  return { child, pid };
}

function spawnOrThrow(command: string, args: readonly string[], options: Parameters<typeof spawn>[2]): ChildProcess {
  try {
    return spawn(command, args, options);
  } catch (cause) {
    throw new SubprocessError('spawn_failed', `The system refused to start "${command}"`, { cause });
  }
}

function streams(options: SpawnChildOptions, gated: boolean): StdioOptions {
  const stdout = options.stdout === 'inherit' ? 'inherit' : 'pipe';
  const stdio: StdioOptions = [options.stdin ?? 'ignore', stdout, 'pipe'];
  if (gated) stdio.push('pipe');
  if (options.ipc === true) stdio.push('ipc');
  return stdio;
}

function openGate(child: ChildProcess, pid: number): void {
  const gate = child.stdio[3] as Writable;
  gate.on('error', ignore);
  watch(pid, () => gate.end('go\n'));
}

function drain(stdout: Readable | null): void {
  if (stdout === null) return;
  // `readable` listeners take precedence over flowing: such a reader cannot be made to drain, so the pipe is closed.
  if (stdout.listenerCount('readable') > 0) stdout.destroy();
  else stdout.resume();
}

function once<T>(executor: (resolve: (value: T) => void) => void): Promise<T> {
  return new Promise(executor);
}

function ignore(): void {}
