/** What a handler throws to say that no further attempt at this frame makes sense: it is dead-lettered at once. */
import { FrameBufferError } from '@frame-buffer/protocol';

export class TerminalError extends FrameBufferError {
  /** `code` appears in the dead letter; default `terminal`. */
  constructor(message: string, options: { code?: string; cause?: unknown } = {}) {
    super(options.code ?? 'terminal', message, options.cause === undefined ? {} : { cause: options.cause });
  }
}
