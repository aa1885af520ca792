export type SubprocessErrorCode =
  /** No executable file of that name: on PATH, or at the path given. */
  | 'command_not_found'
  /** The system refused: working directory absent, too many processes or open files, arguments too long. */
  | 'spawn_failed';

/** Why a child could not be started. Compare `code`; the text is for people. */
export class SubprocessError extends Error {
  readonly code: SubprocessErrorCode;

  constructor(code: SubprocessErrorCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.name = 'SubprocessError';
    this.code = code;
  }
}
