/** Waiting for other parts of the system, which may start in any order. */
import type { Logger } from '@frame-buffer/telemetry';
import { unlessAborted } from './within.ts';

export interface WaitOptions {
  /** Completes "waiting for …". */
  readonly what: string;
  /** What to do if it does not come. */
  readonly hint: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const PROBE_MS = 250;
const REMIND_MS = 10_000;

/**
 * Probes until it answers something other than undefined; a probe that throws counts as "not yet". Says what is awaited at once, then every
 * 10 s, and when it has come. Rejects with the signal's reason when that aborts.
 */
export async function waitFor<T>(probe: () => Promise<T | undefined>, options: WaitOptions): Promise<T> {
  const { what, hint, log, signal } = options;
  const beganAt = performance.now();
  let toldAt: number | undefined;
  for (;;) {
    const { found, error } = await unlessAborted(signal, attempt(probe));
    if (found !== undefined) {
      if (toldAt !== undefined) log.info('wait.over', { what, waited_ms: Math.round(performance.now() - beganAt) });
      return found;
    }
    if (toldAt === undefined || performance.now() - toldAt >= REMIND_MS) {
      log.warn('wait.goesOn', { what, hint, waited_ms: Math.round(performance.now() - beganAt), error });
      toldAt = performance.now();
    }
    await unlessAborted(signal, new Promise((resolve) => setTimeout(resolve, PROBE_MS)));
  }
}

async function attempt<T>(probe: () => Promise<T | undefined>): Promise<{ found?: T | undefined; error?: unknown }> {
  try {
    return { found: await probe() };
  } catch (error) {
    return { error };
  }
}
