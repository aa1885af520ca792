/**
 * Finding a command as the shell would: a name is looked up in PATH, anything with a slash is a path. Found before the
 * start, because behind a wrapper an absent command is only an exit code.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

export interface FindOptions {
  /** PATH to search. Default: this process's. */
  readonly searchPath?: string | undefined;
  /** What a relative path is relative to. Default: this process's. */
  readonly cwd?: string | undefined;
}

/** The path of the executable file, or undefined. */
export function findCommand(command: string, options: FindOptions = {}): string | undefined {
  const cwd = options.cwd ?? process.cwd();
  if (command === '') return undefined;
  if (command.includes('/')) return executable(isAbsolute(command) ? command : resolve(cwd, command));
  const searchPath = options.searchPath ?? process.env['PATH'] ?? '';
  for (const folder of searchPath.split(delimiter)) {
    const found = executable(resolve(cwd, join(folder || '.', command)));
    if (found !== undefined) return found;
  }
  return undefined;
}

function executable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}
