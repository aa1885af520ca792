/**
 * One nats-server per store. The server itself does not lock its folder: two on one store start without complaint and
 * ruin each other's streams. Guarantees:
 *
 *   L1  While a process named in the lock lives, nobody else gets the lock.
 *   L2  The lock of a process that is gone, however it died, is taken over without help. A process is told from a
 *       later one with the same id by its start time (where /proc tells it).
 *
 * It cannot see processes of another machine or container that share the folder.
 */

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { BrokerError } from './errors.ts';

interface Holder {
  readonly pid: number;
  /** Clock ticks after boot at which the process started; empty where the platform does not tell. */
  readonly startedAt: string;
}

export interface StoreLock {
  /** From now on the lock stands and falls with this process (the server) instead of the caller. */
  handTo(pid: number): void;
  /** Idempotent. */
  release(): void;
}

/** @throws BrokerError `store_in_use`, naming the process. */
export function lockStore(storeDir: string, path: string): StoreLock {
  // Each turn takes the lock, removes a dead holder's, or throws. A third turn means that somebody else was quicker.
  for (let turn = 0; turn < 3; turn += 1) {
    if (createLock(path)) {
      return {
        handTo: (pid) => renameSync(writeAside(path, pid), path),
        release: () => rmSync(path, { force: true }),
      };
    }
    const holder = readHolder(path);
    if (holder !== undefined && isAlive(holder)) throw inUse(storeDir, holder);
    removeIfUnchanged(path, holder);
  }
  throw inUse(storeDir, readHolder(path));
}

/** By linking a finished file: a reader never sees an empty lock and takes its holder for dead. */
function createLock(path: string): boolean {
  const aside = writeAside(path, process.pid);
  try {
    linkSync(aside, path);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function writeAside(path: string, pid: number): string {
  const aside = `${path}.${process.pid}`;
  writeFileSync(aside, JSON.stringify({ pid, startedAt: startTime(pid) } satisfies Holder));
  return aside;
}

/** Two that find the same dead holder must not both take over: whoever moved a newer lock away puts it back. */
function removeIfUnchanged(path: string, holder: Holder | undefined): void {
  const moved = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, moved);
    if (readHolder(moved)?.pid !== holder?.pid) linkSync(moved, path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT') && !isErrno(error, 'EEXIST')) throw error;
  } finally {
    rmSync(moved, { force: true });
  }
}

function inUse(storeDir: string, holder: Holder | undefined): BrokerError {
  const who = holder === undefined ? 'another process' : `process ${holder.pid}`;
  return new BrokerError(
    'store_in_use',
    `The store ${storeDir} is in use by ${who}. Stop it first, or choose another store: two servers on one store ruin it.`,
  );
}

function readHolder(path: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startedAt' in value)) return undefined;
    const { pid, startedAt } = value;
    return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if (!isErrno(error, 'EPERM')) return false;
  }
  const started = startTime(holder.pid);
  return started === '' || holder.startedAt === '' || started === holder.startedAt;
}

/** Field 22 of /proc/<pid>/stat; field 2 is the command in parentheses and may hold blanks. Zombies count as gone. */
function startTime(pid: number): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' ? 'gone' : (fields[19] ?? '');
  } catch {
    return '';
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
