/**
 * One part of the running demo (broker, service, sample) as the rest sees it.
 *
 *   stopped ── start ──▶ starting ── ready ──▶ running ── dies ──▶ waiting ── backoff ──▶ starting …
 *                            └── first start fails: throws        any ── stop, kill ──▶ stopped
 */

export type PartState = 'stopped' | 'starting' | 'running' | 'waiting';

export interface PartStatus {
  readonly name: string;
  readonly state: PartState;
  /** Of the present or last process. */
  readonly pid: number | undefined;
  /** How often it died and had to be started again. */
  readonly restarts: number;
}

export interface Part {
  readonly status: PartStatus;
  /** Resolves when it is ready. Throws a DevError, and then nothing of it is left. */
  start(): Promise<void>;
  /** Graceful, then by force. Resolves when it is gone; does not reject. */
  stop(): Promise<void>;
  /** At once, without waiting. */
  kill(): void;
}

/** What people are told of a part that dies later. */
export type PartEvent =
  | { readonly type: 'died'; readonly name: string; readonly how: string; readonly againInMs: number }
  | { readonly type: 'returned'; readonly name: string; readonly restarts: number };
