/**
 * A service as a real process, seen from outside. Guarantees:
 *
 *   S1  `spawnService` resolves when the service has sent `{ type: 'ready', port? }` over IPC; if it ends first, or is
 *       not ready in time, it rejects with the end of what the service logged, and no process is left.
 *   S2  The process dies with the test's process, and with its scope.
 *   S3  `logs` holds every line of stdout that is a JSON object, in order; `waitForLog` also sees those of the past.
 */

import { EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';
import { type Child, type ChildExit, spawnChild } from '@frame-buffer/subprocess';
import { WaitTimeoutError } from './until.ts';

export interface SpawnServiceOptions {
  /** For messages. */
  readonly name: string;
  /** Path of the TypeScript (or JavaScript) main. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default 15 000. */
  readonly readyTimeoutMs?: number;
}

/** One line of the service's log. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  /** From the ready message; undefined when the service named none. */
  readonly port: number | undefined;
  /** The whole ready message. */
  readonly ready: LogLine;
  readonly logs: readonly LogLine[];
  readonly exited: Promise<ChildExit>;
  /** The first line, past or future, that `where` accepts. @throws WaitTimeoutError */
  waitForLog(where: (line: LogLine) => boolean, options: { what: string; timeoutMs?: number }): Promise<LogLine>;
  /** Does not wait; see `exited`. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs` (default 10 000). Resolves when it is gone. */
  stop(options?: { readonly graceMs?: number }): Promise<ChildExit>;
  /** The end of stdout and stderr, for messages. */
  logTail(): string;
  [Symbol.asyncDispose](): Promise<void>;
}

const READY_TIMEOUT_MS = 15_000;
const STOP_GRACE_MS = 10_000;
const TAIL_LINES = 20;

export async function spawnService(options: SpawnServiceOptions): Promise<ServiceProcess> {
  const child = spawnChild({
    command: process.execPath,
    args: [options.entry, ...(options.args ?? [])],
    env: { ...process.env, ...options.env },
    stdout: 'pipe',
    ipc: true,
  });
  const log = collectLog(child);
  try {
    const ready = await becomesReady(child, log, options);
    const port = ready['port'];
    const stop: ServiceProcess['stop'] = ({ graceMs = STOP_GRACE_MS } = {}) => {
      // A frozen process would sleep through SIGTERM.
      child.kill('SIGCONT');
      return child.stop({ graceMs });
    };
    return {
      name: options.name,
      pid: child.pid,
      port: typeof port === 'number' ? port : undefined,
      ready,
      logs: log.lines,
      exited: child.exited,
      waitForLog: (where, wanted) => waitForLine(log, options.name, where, wanted),
      kill: (signal) => {
        child.kill(signal);
      },
      stop,
      logTail: log.tail,
      async [Symbol.asyncDispose]() {
        await stop();
      },
    };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

interface Log {
  readonly lines: readonly LogLine[];
  /** `line`, with each new one. */
  readonly events: EventEmitter;
  tail(): string;
}

function collectLog(child: Child): Log {
  const lines: LogLine[] = [];
  const last: string[] = [];
  const events = new EventEmitter();
  if (child.stdout === undefined) throw new Error('the child was started without a stdout');
  createInterface({ input: child.stdout }).on('line', (text) => {
    last.push(text);
    if (last.length > TAIL_LINES) last.shift();
    const line = parseLine(text);
    if (line === undefined) return;
    lines.push(line);
    events.emit('line', line);
  });
  const tail = () => [...last, ...child.stderrTail().trimEnd().split('\n').slice(-TAIL_LINES)].join('\n').trim();
  return { lines, events, tail };
}

function parseLine(text: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function becomesReady(child: Child, log: Log, options: SpawnServiceOptions): Promise<LogLine> {
  const { name, readyTimeoutMs = READY_TIMEOUT_MS } = options;
  const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
  child.onMessage((message) => {
    if (isRecord(message) && message['type'] === 'ready') resolve(message);
  });
  void child.exited.then(({ code, signal }) => {
    reject(new Error(`${name} ended (${signal ?? `exit code ${code}`}) before it was ready. Its log:\n${log.tail()}`));
  });
  const alarm = setTimeout(() => {
    reject(new WaitTimeoutError(`${name} to be ready`, readyTimeoutMs, `its log:\n${log.tail()}`));
  }, readyTimeoutMs);
  try {
    return await promise;
  } finally {
    clearTimeout(alarm);
  }
}

async function waitForLine(
  log: Log,
  name: string,
  where: (line: LogLine) => boolean,
  { what, timeoutMs = 5_000 }: { readonly what: string; readonly timeoutMs?: number },
): Promise<LogLine> {
  const past = log.lines.find(where);
  if (past !== undefined) return past;
  const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
  const listener = (line: LogLine): void => {
    if (where(line)) resolve(line);
  };
  const alarm = setTimeout(() => {
    reject(new WaitTimeoutError(`${name} to log ${what}`, timeoutMs, `its log:\n${log.tail()}`));
  }, timeoutMs);
  log.events.on('line', listener);
  try {
    return await promise;
  } finally {
    clearTimeout(alarm);
    log.events.off('line', listener);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
