/**
 * A nats-server as a child of this process. Guarantees:
 *
 *   B1  When `startBroker` resolves, clients are accepted and JetStream is on; when it rejects, no child is left.
 *   B2  One server per store (see store-lock.ts).
 *   B3  `restart()` comes back on the same port and the same store, so clients reconnect by themselves.
 *   B4  The child never outlives this process (packages/subprocess), and Ctrl-C in a terminal does not reach it.
 *
 * States: running → (stop, kill, crash) → stopped → restart → running. `exited` tells the end of the present child.
 */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Child, type ChildExit, spawnChild } from '@frame-buffer/subprocess';
import { renderConfig, type ServerSettings } from './config.ts';
import { BrokerError } from './errors.ts';
import { type Environment, locateServer } from './locate.ts';
import { assertPortFree, waitForPortsFile } from './ports.ts';
import { lockStore, type StoreLock } from './store-lock.ts';

export interface BrokerOptions extends ServerSettings {
  /** Where `NATS_SERVER_BIN` and `PATH` are looked up; the caller's `main.ts` passes `process.env`. */
  readonly env: Environment;
  /** Default -1: a free one, chosen by the server. */
  readonly port?: number;
  /** Address to listen on. Default 127.0.0.1: without authentication nothing else is safe. */
  readonly host?: string;
  /** How long the server may take to accept clients, in ms; recovering a large store takes time. Default 30 000. */
  readonly startTimeoutMs?: number;
}

export interface Broker {
  /** `nats://host:port`; the same for the life of this object. */
  readonly url: string;
  readonly port: number;
  /** Of the present child, or of the last one when stopped. */
  readonly pid: number;
  readonly storeDir: string;
  /** Resolves when the present child ends, however it ends. Ask again after a restart. */
  readonly exited: Promise<ChildExit>;
  /** Graceful, then by force. Idempotent; works on a frozen server too. Resolves when the process is gone. */
  stop(): Promise<void>;
  /** SIGSTOP freezes, SIGCONT thaws, SIGKILL crashes. Does not wait; see `exited`. */
  kill(signal: NodeJS.Signals): void;
  /** Stops the server if it runs, and starts it on the same port and store. @throws BrokerError */
  restart(): Promise<void>;
  /** The end of the server's log (its last 8 KB). */
  logTail(): string;
  [Symbol.asyncDispose](): Promise<void>;
}

const DEFAULT_START_TIMEOUT_MS = 30_000;
/** Closing a large store takes longer than closing a process. */
const STOP_GRACE_MS = 10_000;

/** @throws BrokerError, see its codes */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const storeDir = resolve(options.storeDir);
  const server = locateServer({ env: options.env });
  const launch = (port: number) => launchServer({ ...options, storeDir }, server.path, port);

  let running = await launch(options.port ?? -1);
  const { host, port } = running;

  return {
    url: `nats://${host}:${port}`,
    port,
    storeDir,
    get pid() {
      return running.child.pid;
    },
    get exited() {
      return running.child.exited;
    },
    stop: () => running.stop(),
    kill: (signal) => {
      running.child.kill(signal);
    },
    logTail: () => running.child.stderrTail(),
    async restart() {
      await running.stop();
      running = await launch(port);
    },
    [Symbol.asyncDispose]: () => running.stop(),
  };
}

interface Running {
  readonly child: Child;
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

async function launchServer(options: BrokerOptions, command: string, port: number): Promise<Running> {
  const host = options.host ?? '127.0.0.1';
  const runDir = join(options.storeDir, 'run');
  const lock = await openStore(options, runDir);
  try {
    if (port > 0) await assertPortFree(host, port);
    const config = join(options.storeDir, 'nats-server.conf');
    await writeFile(config, renderConfig(options));
    const child = spawnChild({
      command,
      args: ['-c', config, '-a', host, '-p', String(port), '--ports_file_dir', runDir],
      // Ctrl-C is for this process, which stops its services before the broker under them.
      detached: true,
    });
    lock.handTo(child.pid);
    void child.exited.then(lock.release);
    const stop = () => stopServer(child);
    try {
      return { child, host, port: await becomesReady(child, runDir, options), stop };
    } catch (error) {
      await stop();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openStore(options: BrokerOptions, runDir: string): Promise<StoreLock> {
  try {
    await mkdir(options.storeDir, { recursive: true });
    const lock = lockStore(options.storeDir, join(options.storeDir, 'broker.lock'));
    // Port files of earlier servers, which were killed.
    await rm(runDir, { recursive: true, force: true });
    await mkdir(runDir);
    return lock;
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new BrokerError('store_unusable', `The store ${options.storeDir} cannot be used: ${reason}`, {
      cause: error,
    });
  }
}

async function becomesReady(child: Child, runDir: string, options: BrokerOptions): Promise<number> {
  const timeoutMs = options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS;
  const given = new AbortController();
  try {
    const outcome = await Promise.race([
      waitForPortsFile(runDir, AbortSignal.any([given.signal, AbortSignal.timeout(timeoutMs)])),
      child.exited,
    ]);
    if (typeof outcome === 'number') return outcome;
    const how = outcome.signal ?? `exit code ${outcome.code}`;
    throw new BrokerError('exited_early', withLog(`nats-server ended (${how}) before it accepted clients`, child));
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    throw new BrokerError('start_timeout', withLog(`nats-server accepted no clients within ${timeoutMs} ms`, child), {
      cause: error,
    });
  } finally {
    given.abort();
  }
}

async function stopServer(child: Child): Promise<void> {
  // A frozen process would sleep through SIGTERM.
  child.kill('SIGCONT');
  await child.stop({ graceMs: STOP_GRACE_MS });
}

function withLog(message: string, child: Child): string {
  const lines = child.stderrTail().trimEnd().split('\n').slice(-8);
  return `${message}. The end of its log:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
