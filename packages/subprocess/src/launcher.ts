/**
 * How a command is started so that it cannot outlive this process.
 *
 *   L1  The kernel does it where it can (Linux, `setpriv --pdeathsig KILL`); elsewhere a guard process does (guard.ts).
 *   L2  No gap: the command itself begins only after its end is certain, so a parent killed in the middle of a start
 *       leaves nothing either.
 *   L3  The wrappers `exec`: the pid, the signals, the exit code and the streams are the command's own.
 */
import { spawnSync } from 'node:child_process';
import { findCommand } from './command.ts';

/** `auto`: the kernel, or else the guard process. The other two are for tests, and for a child that is wanted to survive. */
export type GuardMode = 'auto' | 'guard-process' | 'none';

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** The command waits on descriptor 3 for a line: it is written when the guard knows the pid. */
  readonly gated: boolean;
}

/** pdeathsig is set by now; a parent that died before that would go unnoticed, so look once whether it is still there. */
const PARENT_ALIVE = '[ "$PPID" = "$0" ] || exit 125; exec "$@"';
const GATE = 'read -r go <&3 || exit 125; exec 3<&-; exec "$@"';

/** Wraps an executable (see `findCommand`) and its arguments. */
export function launch(mode: GuardMode, executable: string, args: readonly string[]): Launch {
  if (mode === 'none') return { command: executable, args, gated: false };
  const setpriv = mode === 'auto' ? kernelGuard() : undefined;
  if (setpriv === undefined) {
    return { command: '/bin/sh', args: ['-c', GATE, 'sh', executable, ...args], gated: true };
  }
  const wrapper = ['--pdeathsig', 'KILL', '--', '/bin/sh', '-c', PARENT_ALIVE, String(process.pid)];
  return { command: setpriv, args: [...wrapper, executable, ...args], gated: false };
}

let probed: { readonly setpriv: string | undefined } | undefined;

/** `setpriv` if it is here and knows `--pdeathsig` (busybox's does not). Tried once. */
function kernelGuard(): string | undefined {
  probed ??= { setpriv: probe() };
  return probed.setpriv;
}

function probe(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const setpriv = findCommand('setpriv');
  if (setpriv === undefined) return undefined;
  const tried = spawnSync(setpriv, ['--pdeathsig', 'KILL', '--', '/bin/sh', '-c', ':'], {
    stdio: 'ignore',
    timeout: 2_000,
  });
  return tried.status === 0 ? setpriv : undefined;
}
