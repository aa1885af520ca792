/**
 * What the broker says, as errors of ours: `broker_unavailable` (retryable) when it does not answer or cannot now,
 * `broker_refused` when it answered no. Errors of ours pass through unchanged.
 */
import { FrameBufferError } from '@frame-buffer/protocol';
import { JetStreamApiError } from '@nats-io/jetstream';

/** Source: nats-server 2.14 errors.json: no leader, no quorum, resources or disk short. A later try may succeed. */
const NOT_NOW = new Set([10008, 10023, 10028, 10039, 10047, 10074, 10118, 10119]);

/** Somebody else made the same thing a moment ago. Source: nats-server 2.14 errors.json. */
const MADE_MEANWHILE = new Set([10013, 10058, 10105, 10148]);

/** Runs a request to the broker; `doing` completes "the broker did not answer while …". */
export async function asking<T>(doing: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw brokerError(doing, error);
  }
}

export function brokerError(doing: string, error: unknown): FrameBufferError {
  if (error instanceof FrameBufferError) return error;
  if (error instanceof JetStreamApiError && !NOT_NOW.has(error.code)) {
    const message = `the broker refused while ${doing}: ${error.message} (${error.code})`;
    return new FrameBufferError('broker_refused', message, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new FrameBufferError('broker_unavailable', `the broker did not answer while ${doing}: ${reason}`, {
    retryable: true,
    cause: error,
  });
}

/** Did two registries create at the same time, so that a second look will find what the other one made? */
export function isMadeMeanwhile(error: unknown): boolean {
  return error instanceof JetStreamApiError && MADE_MEANWHILE.has(error.code);
}

/** Did the broker answer at all? Then the next request may fare better. */
export function isAnswered(error: unknown): boolean {
  return error instanceof FrameBufferError && error.cause instanceof JetStreamApiError;
}

/** One step that is refused holds up none of the others; a broker that does not answer is not asked the rest. Throws the first failure. */
export async function inTurn(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const refusals: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      if (!isAnswered(error)) throw error;
      refusals.push(error);
    }
  }
  if (refusals.length > 0) throw refusals[0];
}
