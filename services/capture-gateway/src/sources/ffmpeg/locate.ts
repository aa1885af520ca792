/**
 * Which ffmpeg, and how it wants to be spoken to.
 *
 * In order: the one that was asked for (then no other), the first on PATH that works, the npm package. What a build can do is
 * tried, not guessed from its version, and remembered. That none was found is not: somebody may install one.
 */
import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { findCommand } from '@frame-buffer/subprocess';
import type { Dialect } from './arguments.ts';

export interface FfmpegBuild {
  readonly path: string;
  readonly origin: 'asked' | 'path' | 'npm';
  readonly dialect: Dialect;
  /** False for a static build, which dies of the system's name service: it must be given addresses. */
  readonly resolvesHosts: boolean;
}

export type Located =
  | { readonly ok: true; readonly build: FfmpegBuild }
  /** `detail`: what was looked for, and what to do. */
  | { readonly ok: false; readonly detail: string };

const PROBE_TIMEOUT_MS = 10_000;
const remembered = new Map<string, Promise<Located>>();

/** `binary`: a path or a name on PATH, to be used and no other. */
export function locateFfmpeg(binary?: string): Promise<Located> {
  const key = binary ?? '';
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const located = locate(binary).then((result) => {
    if (!result.ok) remembered.delete(key);
    return result;
  });
  remembered.set(key, located);
  return located;
}

async function locate(binary: string | undefined): Promise<Located> {
  if (binary !== undefined) {
    const build = await tryBuild(findCommand(binary) ?? npmExecutable(binary), 'asked');
    return build === undefined
      ? { ok: false, detail: `the ffmpeg that is configured, ${binary}, is not there or does not run` }
      : { ok: true, build };
  }
  const build = (await tryBuild(findCommand('ffmpeg'), 'path')) ?? (await tryBuild(npmBuild(), 'npm'));
  return build === undefined
    ? { ok: false, detail: 'no working ffmpeg on PATH nor from npm: install ffmpeg, or configure the path of one' }
    : { ok: true, build };
}

function npmBuild(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve('@ffmpeg-installer/linux-x64/package.json');
    return npmExecutable(join(dirname(manifest), 'ffmpeg'));
  } catch {
    // An optional dependency: absent on other platforms.
    return undefined;
  }
}

/** npm keeps no mode, and the package's own script, which would set it, is not run. */
function npmExecutable(path: string): string | undefined {
  if (!path.includes('@ffmpeg-installer')) return undefined;
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    // Not yet executable, or not there: the next step tells.
  }
  try {
    chmodSync(path, 0o755);
    return path;
  } catch {
    return undefined;
  }
}

async function tryBuild(path: string | undefined, origin: FfmpegBuild['origin']): Promise<FfmpegBuild | undefined> {
  if (path === undefined) return undefined;
  const [rtsp, options, resolving] = await Promise.all([
    run(path, ['-hide_banner', '-h', 'demuxer=rtsp']),
    run(path, ['-hide_banner', '-h', 'long']),
    // Refused at once, if it gets that far.
    run(path, ['-hide_banner', '-nostdin', '-i', 'http://localhost:1/']),
  ]);
  if (!rtsp.ok || !options.ok) return undefined;
  return {
    path,
    origin,
    dialect: {
      rtspTimeout: /^\s*-stimeout\b/m.test(rtsp.stdout) ? '-stimeout' : '-timeout',
      passthrough: /^-fps_mode\b/m.test(options.stdout) ? ['-fps_mode', 'passthrough'] : ['-vsync', '0'],
    },
    resolvesHosts: !resolving.crashed,
  };
}

interface Run {
  readonly ok: boolean;
  readonly crashed: boolean;
  readonly stdout: string;
}

function run(path: string, args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(path, args, { timeout: PROBE_TIMEOUT_MS, maxBuffer: 4_194_304 }, (error, stdout) => {
      const signal = error?.signal;
      resolve({ ok: error === null, crashed: signal === 'SIGSEGV' || signal === 'SIGABRT', stdout });
    });
  });
}
