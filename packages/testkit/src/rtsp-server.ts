/**
 * GStreamer's RTSP server with one H.264 file. Guarantees: when `startRtspServer` or `restart` resolves, the server
 * answers DESCRIBE, so that a camera can connect at once; `restart` keeps the URL. Needs `needs('gst-rtsp-server')`.
 */

import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Child, type ChildExit, spawnChild } from '@frame-buffer/subprocess';
import { SYSTEM_PYTHON } from './parts.ts';
import { until } from './until.ts';

export interface RtspServerOptions {
  /** An .mp4 with H.264, see `makeVideo`. A client gets it from its start; at its end the stream ends. */
  readonly file: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Default `/cam`. */
  readonly mount?: string;
}

export interface RtspServer {
  /** `rtsp://127.0.0.1:port/cam` */
  readonly url: string;
  readonly port: number;
  /** Of the present process, or of the last one when stopped. */
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
  /** SIGKILL: clients see a reset. SIGSTOP: they see silence. Does not wait. */
  kill(signal: NodeJS.Signals): void;
  /** Idempotent. */
  stop(): Promise<void>;
  /** Stops it if it runs, and comes back on the same port. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const SCRIPT = join(import.meta.dirname, '../fixtures/rtsp-server.py');
const START_TIMEOUT_MS = 15_000;

export async function startRtspServer(options: RtspServerOptions): Promise<RtspServer> {
  const { file, mount = '/cam' } = options;
  let running = await launch(file, options.port ?? 0, mount);
  const { port } = running;
  const stop = async (): Promise<void> => {
    // A frozen process would sleep through SIGTERM.
    running.child.kill('SIGCONT');
    await running.child.stop();
  };
  return {
    url: `rtsp://127.0.0.1:${port}${mount}`,
    port,
    get pid() {
      return running.child.pid;
    },
    get exited() {
      return running.child.exited;
    },
    kill: (signal) => {
      running.child.kill(signal);
    },
    stop,
    async restart() {
      await stop();
      running = await launch(file, port, mount);
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function launch(file: string, port: number, mount: string): Promise<{ child: Child; port: number }> {
  const child = spawnChild({ command: SYSTEM_PYTHON, args: [SCRIPT, file, String(port), mount], stdout: 'pipe' });
  try {
    const bound = await Promise.race([readPort(child), failWhenEnded(child)]);
    const describes = until(() => describe(bound, mount), {
      what: `an answer to DESCRIBE of rtsp://127.0.0.1:${bound}${mount}`,
      timeoutMs: START_TIMEOUT_MS,
      is: (status) => status.startsWith('RTSP/1.0 200'),
    });
    await Promise.race([describes, failWhenEnded(child)]);
    return { child, port: bound };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

async function readPort(child: Child): Promise<number> {
  if (child.stdout === undefined) throw new Error('the child was started without a stdout');
  const [line]: unknown[] = await once(createInterface({ input: child.stdout }), 'line');
  const message: unknown = JSON.parse(String(line));
  if (typeof message !== 'object' || message === null || !('port' in message)) throw new Error(`no port in ${line}`);
  return Number(message.port);
}

async function failWhenEnded(child: Child): Promise<never> {
  const { code, signal } = await child.exited;
  throw new Error(`The RTSP server ended (${signal ?? `exit code ${code}`}): ${child.stderrTail()}`);
}

/** The first line of the answer. */
async function describe(port: number, mount: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(`DESCRIBE rtsp://127.0.0.1:${port}${mount} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n`);
    const [answer]: unknown[] = await once(socket, 'data');
    return String(answer).split('\r\n')[0] ?? '';
  } finally {
    socket.destroy();
  }
}
