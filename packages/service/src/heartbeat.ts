/**
 * Heartbeat: keeps saying that this instance lives.
 *
 *   B1  The first beat is at once, then one every `intervalMs`; a beat that is still under way is never overtaken.
 *   B2  A failing or hanging `put` ends nothing: the next beat tries again. Failure and recovery are logged once each.
 *   B3  After `stop()` resolves no beat follows, so `remove` is the last word.
 */
import { HEARTBEAT_MS } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';

export interface HeartbeatOptions<R> {
  /** What is said, made anew for each beat: see `instanceSchema` of the protocol. */
  readonly record: () => R;
  /** Writes it, with an expiry well above `intervalMs`. */
  readonly put: (record: R) => Promise<unknown>;
  /** Takes it back when the instance stops, so that nobody waits for the expiry. */
  readonly remove?: () => Promise<unknown>;
  readonly log: Logger;
  /** Milliseconds between beats; default 1000. A `put` that takes longer than two intervals counts as failed. */
  readonly intervalMs?: number;
}

export interface Heartbeat {
  /** Beats now, to tell a changed state before the next turn. Never rejects. */
  beat(): Promise<void>;
  /** Ends the beats and removes the record. Never rejects, and takes two intervals at most. */
  stop(): Promise<void>;
}

export function startHeartbeat<R>(options: HeartbeatOptions<R>): Heartbeat {
  const { record, put, remove, log, intervalMs = HEARTBEAT_MS } = options;
  let failures = 0;
  let stopped = false;
  let underWay: Promise<void> | undefined;

  const attempt = async () => {
    try {
      await within(2 * intervalMs, put(record()));
      if (failures > 0) log.info('heartbeat.recovered', { missed: failures });
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures === 1 && !stopped) log.warn('heartbeat.failed', { error });
    }
  };
  const turn = () => {
    underWay ??= attempt().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
  const beat = async () => {
    await underWay;
    if (!stopped) await turn();
  };

  void turn();
  const timer = setInterval(turn, intervalMs);
  // A heartbeat alone is no reason to stay alive.
  timer.unref();

  return {
    beat,
    stop: async () => {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      await underWay;
      try {
        if (remove !== undefined) await within(2 * intervalMs, remove());
      } catch (error) {
        log.warn('heartbeat.notRemoved', { error });
      }
    },
  };
}

/** A write that arrives after its bound does no harm: the next one overwrites it. */
async function within(boundMs: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${boundMs} ms`)), boundMs);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
