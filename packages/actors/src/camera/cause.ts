/**
 * Why a camera's source ended, and what the camera does about it: one table, so that a new cause cannot be forgotten.
 *
 * The codes are stable: they stand in the camera's state, in metrics and in events. `detail` is for people and holds no
 * credentials; whoever makes a cause redacts it.
 */

/**
 * - `retry`: it may pass by itself; try again with growing back-off.
 * - `retrySlowly`: somebody has to mend it first (a file, a password, a program); the camera is `failed`, and looks now and then.
 * - `giveUp`: the same attempt can never succeed; only a new `camera.start` helps.
 * - `reopen`: nothing is wrong, the source just has to be opened anew.
 * - `finish`: there is nothing more to come.
 */
export type Reaction = 'retry' | 'retrySlowly' | 'giveUp' | 'reopen' | 'finish';

const reactions = {
  connection_refused: 'retry',
  timed_out: 'retry',
  host_not_found: 'retry',
  unreachable: 'retry',
  server_error: 'retry',
  /** The path is unknown there; media servers say so until the camera behind them publishes. */
  not_found: 'retry',
  no_video: 'retry',
  invalid_data: 'retry',
  /** A live source closed the connection. */
  ended: 'retry',
  /** No picture for `stallMs`: decided by the machine, never by a source. */
  stalled: 'retry',
  /** The capturing program died, or failed in a way that no other code names. */
  crashed: 'retry',
  /** We stopped it. */
  stopped: 'retry',
  /** Trying often would lock the account. */
  unauthorized: 'retrySlowly',
  ffmpeg_missing: 'retrySlowly',
  file_missing: 'retrySlowly',
  file_unreadable: 'retrySlowly',
  malformed_url: 'giveUp',
  /** The resolution changed, which the capturing program does not follow. */
  format_changed: 'reopen',
} as const satisfies Record<string, Reaction>;

export type CauseCode = keyof typeof reactions;

export interface EndCause {
  readonly code: CauseCode;
  /** Trying again without a change outside is pointless: the camera fails, or, when it merely `ended`, is finished. */
  readonly permanent: boolean;
  /** One line for people, without credentials. */
  readonly detail: string;
}

/** Makes a cause. `finished`, with `ended` only: a source that has an end, a file that is not looped, reached it. */
export function endCause(code: CauseCode, detail: string, options: { readonly finished?: boolean } = {}): EndCause {
  const reaction: Reaction = reactions[code];
  const permanent =
    reaction === 'retrySlowly' || reaction === 'giveUp' || (code === 'ended' && options.finished === true);
  return { code, permanent, detail };
}

export function reactionTo(cause: EndCause): Reaction {
  return cause.code === 'ended' && cause.permanent ? 'finish' : reactions[cause.code];
}

export function isCauseCode(text: string): text is CauseCode {
  return Object.hasOwn(reactions, text);
}
