/** What ends `frame-buffer dev` with a sentence instead of a stack. */

export class DevError extends Error {
  /** 64 for a command line that cannot be meant (sysexits.h), 1 for everything that went wrong afterwards. */
  readonly exitCode: 1 | 64;

  constructor(message: string, options: { readonly exitCode?: 1 | 64; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DevError';
    this.exitCode = options.exitCode ?? 1;
  }
}

/** A fault of the command line; the message names the option. */
export function usageError(message: string): DevError {
  return new DevError(message, { exitCode: 64 });
}
