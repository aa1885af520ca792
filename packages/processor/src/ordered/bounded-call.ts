/**
 * One call of a handler in an ordered partition, bounded in time. Never rejects.
 *
 * A call that takes too long ends here as `timed_out`, whatever the handler goes on doing: the place is free for others. A
 * result that comes afterwards is reported as late and goes nowhere.
 */
export type Attempt<T> =
  | { readonly kind: 'returned'; readonly value: T }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'timed_out' };

export interface AttemptLimits {
  readonly timeoutMs: number;
  /** Before the attempt ends: the moment to abort what can be aborted. */
  readonly onTimeout: () => void;
  /** The call has ended after all. */
  readonly onLate: (how: 'returned' | 'threw') => void;
}

export function attempt<T>(call: () => T | Promise<T>, limits: AttemptLimits): Promise<Attempt<T>> {
  return new Promise((resolve) => {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      limits.onTimeout();
      resolve({ kind: 'timed_out' });
    }, limits.timeoutMs);
    const returned = (value: T) => {
      if (isOver) return limits.onLate('returned');
      clearTimeout(timer);
      isOver = true;
      resolve({ kind: 'returned', value });
    };
    const threw = (error: unknown) => {
      if (isOver) return limits.onLate('threw');
      clearTimeout(timer);
      isOver = true;
      resolve({ kind: 'threw', error });
    };
    void invoke(call).then(returned, threw);
  });
}

/** A handler that throws before its first await rejects like any other. */
async function invoke<T>(call: () => T | Promise<T>): Promise<T> {
  return await call();
}
