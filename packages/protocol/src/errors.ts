/**
 * The base of every error that crosses a package of Frame Buffer.
 *
 * `code` is stable and is what callers compare; `retryable` says whether the same call may succeed later without a change
 * by the caller; the text is for people.
 */
export class FrameBufferError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** A value at the edge that is not what the protocol allows. `code` is `invalid_<what>`. */
export class InvalidInputError extends FrameBufferError {
  constructor(what: string, message: string, options: { cause?: unknown } = {}) {
    super(`invalid_${what}`, message, options);
  }
}
