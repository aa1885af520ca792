/**
 * Waiting in tests: on a condition or on an event, never for a fixed time. Guarantees: a wait that fails says *what*
 * was awaited, for how long, and what was seen last.
 */

import type { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { inspect } from 'node:util';

const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_INTERVAL_MS = 20;

export interface UntilOptions<T> {
  /** Completes the sentence "waited for …". */
  readonly what: string;
  /** Default 5 000. */
  readonly timeoutMs?: number;
  /** Between two probes. Default 20. */
  readonly intervalMs?: number;
  /** Which value ends the wait. Default: the first truthy one. With it the error shows a telling last value. */
  readonly is?: (value: T) => boolean;
}

/** Thrown when a wait ran out of time. */
export class WaitTimeoutError extends Error {
  constructor(what: string, timeoutMs: number, seen: string, options?: ErrorOptions) {
    super(`Waited ${timeoutMs} ms for ${what}; ${seen}`, options);
    this.name = 'WaitTimeoutError';
  }
}

/**
 * Probes until the value is accepted, and returns it. A probe that throws counts as "not yet"; one that hangs does
 * not hang the wait.
 * @throws WaitTimeoutError
 */
export async function until<T>(probe: () => T | Promise<T>, options: UntilOptions<T>): Promise<T> {
  const { what, timeoutMs = DEFAULT_TIMEOUT_MS, intervalMs = DEFAULT_INTERVAL_MS, is = Boolean } = options;
  const deadline = performance.now() + timeoutMs;
  let seen = 'the first probe did not answer';
  let cause: unknown;
  do {
    const answer = await answerWithin(probe, deadline - performance.now());
    if ('value' in answer) {
      if (is(answer.value)) return answer.value;
      seen = `last value: ${inspect(answer.value, { depth: 4, breakLength: 100 })}`;
      cause = undefined;
    } else if ('error' in answer) {
      seen = `last error: ${answer.error instanceof Error ? answer.error.message : inspect(answer.error)}`;
      cause = answer.error;
    }
    await wait(Math.max(0, Math.min(intervalMs, deadline - performance.now())));
  } while (performance.now() < deadline);
  throw new WaitTimeoutError(what, timeoutMs, seen, cause === undefined ? {} : { cause });
}

type Answer<T> = { value: T } | { error: unknown } | { late: true };

async function answerWithin<T>(probe: () => T | Promise<T>, ms: number): Promise<Answer<T>> {
  const alarm = new AbortController();
  try {
    return await Promise.race([ask(probe), wait(Math.max(1, ms), { late: true } as const, { signal: alarm.signal })]);
  } finally {
    alarm.abort();
  }
}

async function ask<T>(probe: () => T | Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await probe() };
  } catch (error) {
    return { error };
  }
}

export interface WaitForEventOptions<Payload> {
  /** Default 5 000. */
  readonly timeoutMs?: number;
  /** Which event ends the wait. Default: the first. */
  readonly where?: (payload: Payload) => boolean;
}

/**
 * The first argument of the next event of that name that `where` accepts. Subscribe before doing what causes it:
 * events of the past are not seen.
 * @throws WaitTimeoutError, with the number of events that were refused and the last of them
 */
export async function waitForEvent<Payload = unknown>(
  emitter: Pick<EventEmitter, 'on' | 'off'>,
  name: string,
  options: WaitForEventOptions<Payload> = {},
): Promise<Payload> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, where = () => true } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Payload>();
  let refused = 0;
  let last: unknown;
  const listener = (payload: Payload): void => {
    try {
      if (where(payload)) {
        resolve(payload);
        return;
      }
    } catch (error) {
      reject(error);
      return;
    }
    refused += 1;
    last = payload;
  };
  const alarm = setTimeout(() => {
    const seen = refused === 0 ? 'none came' : `${refused} came, the last: ${inspect(last, { depth: 4 })}`;
    reject(new WaitTimeoutError(`the event "${name}"`, timeoutMs, seen));
  }, timeoutMs);
  emitter.on(name, listener);
  try {
    return await promise;
  } finally {
    clearTimeout(alarm);
    emitter.off(name, listener);
  }
}
