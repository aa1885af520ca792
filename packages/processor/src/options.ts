/**
 * What a processor is made of, and its check: every fault is reported at once, before anything is connected.
 */
import {
  type Encoding,
  InvalidInputError,
  isToken,
  MAX_CAPABILITIES,
  MAX_FRAMES_PER_BATCH,
  type Processor as ProcessorRecord,
  processorSchema,
  TOKEN_RULE,
} from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { Frame } from './frame.ts';
import type { BreakerSettings } from './guard/machine.ts';
import { isThenable } from './work/calls.ts';

/**
 * What was found in a frame: anything `JSON.stringify` takes, or undefined for nothing. A value becomes a message on
 * RESULTS; either way the frame is settled as processed.
 */
export type HandlerResult = unknown;

/** Works one frame. To throw (or reject) is to fail this frame, and no other. */
export type FrameHandler = (frame: Frame) => HandlerResult | Promise<HandlerResult>;

/**
 * Works several frames of any cameras at once. Returns one entry per frame, in their order: a result, undefined, or an
 * `Error`, which fails that frame alone. To throw is to fail all of them.
 */
export type BatchHandler = (frames: readonly Frame[]) => readonly HandlerResult[] | Promise<readonly HandlerResult[]>;

export interface BreakerOptions {
  /** So many failed calls in a row open it, 1 to 1 000 000. Default 5. */
  readonly failures?: number;
  /** Milliseconds it stays open before it tries, 10 to 3 600 000. Default 30 000. */
  readonly recoveryMs?: number;
  /** Calls that may run at the same time while it tries, 1 to 1024. Default 3. */
  readonly trialCalls?: number;
  /** So many successful trials in a row close it, 1 to 1 000 000. Default 3. */
  readonly successesToClose?: number;
}

interface CommonOptions {
  /** A token (see `TOKEN_RULE`); instances with the same name share one queue. */
  readonly name: string;
  /** 1 to 16 tokens. */
  readonly capabilities: readonly string[];
  /** Calls of the handler at the same time, 1 to 1024. Default 1. */
  readonly concurrency?: number;
  /** Milliseconds a call of the handler may take, 10 to 3 600 000. Default 30 000. */
  readonly timeoutMs?: number;
  /** Attempts that may follow a frame's first, 0 to 20. Default 3. */
  readonly retries?: number;
  /** What keeps an instance from working while its handler fails; false for nothing. */
  readonly breaker?: BreakerOptions | false;
  /** Milliseconds, 1 to 3 600 000: an instance with more than 5 % longer calls counts as slow. Default: 80 % of `timeoutMs`. */
  readonly slowMs?: number;
  /** Milliseconds a drain may take, 100 to 600 000. Default 30 000. */
  readonly drainMs?: number;
  /** Milliseconds after which the broker delivers a silent instance's messages elsewhere, 1 000 to 3 600 000. Default 30 000. */
  readonly ackWaitMs?: number;
  /** Tasks that may wait for all instances together, 1 to 100 000. Default 1 000. */
  readonly maxQueue?: number;
  /** Pictures it can read; others are not sent to it. Default `['jpeg']`. */
  readonly encodings?: readonly Encoding[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Of the algorithm, for people. */
  readonly version?: string;
  /** Default `nats://127.0.0.1:4222`. */
  readonly natsUrl?: string;
  /** Name of this replica, a token. Default: host, process id and something random. */
  readonly instance?: string;
  /** Default: JSON lines on standard output. */
  readonly logger?: Logger;
}

export interface FrameProcessorOptions extends CommonOptions {
  readonly handle: FrameHandler;
  readonly handleBatch?: never;
  readonly maxBatch?: never;
  readonly maxWaitMs?: never;
}

export interface BatchProcessorOptions extends CommonOptions {
  readonly handle?: never;
  readonly handleBatch: BatchHandler;
  /** Frames in one call at most, 1 to 1024. Default 16. */
  readonly maxBatch?: number;
  /** Milliseconds a frame waits for company while a call could be made, 0 to 60 000. Default 20. */
  readonly maxWaitMs?: number;
}

export type ProcessorOptions = FrameProcessorOptions | BatchProcessorOptions;

/** Options with every default in place; `handle` and `handleBatch` have become one thing. */
export interface ResolvedOptions {
  readonly name: string;
  readonly handler: BatchHandler;
  readonly concurrency: number;
  /** Frames in one call: 1 with `handle`. */
  readonly maxBatch: number;
  readonly maxWaitMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  /** Undefined for none. */
  readonly breaker: BreakerSettings | undefined;
  readonly slowMs: number;
  readonly drainMs: number;
  readonly natsUrl: string;
  readonly instance: string | undefined;
  readonly logger: Logger | undefined;
  /** As it is registered, but for `concurrency`, which the environment may still change. */
  readonly registration: ProcessorRecord;
}

export const DEFAULT_NATS_URL = 'nats://127.0.0.1:4222';

/** Frames in one message of the queue, at most: transport, not meaning. Frames of one message are still worked one by one. */
const TRANSPORT_BATCH = 64;
const MAX_CONCURRENCY = 1024;
const MAX_MS = 3_600_000;
/** A call that takes this part of its time is slow, unless `slowMs` says otherwise. */
const SLOW_SHARE = 0.8;
const DEFAULT_TRIAL_MS = 30_000;

/** Throws `invalid_processor_options`; the message lists every fault. */
export function resolveOptions(options: ProcessorOptions): ResolvedOptions {
  const faults = [...faultsOf(options)];
  const maxBatch = options.handleBatch === undefined ? 1 : (options.maxBatch ?? 16);
  const registration = processorSchema.safeParse({
    name: options.name,
    capabilities: options.capabilities,
    maxBatch: Math.min(Math.max(TRANSPORT_BATCH, maxBatch), MAX_FRAMES_PER_BATCH),
    settles: true,
    liveness: 'heartbeat',
    ...given('maxQueue', options.maxQueue),
    ...given('encodings', options.encodings),
    ...given('ackWaitMs', options.ackWaitMs),
    ...given('labels', options.labels),
    ...given('version', options.version),
  });
  // Where a rule of the record has a clearer text above, that text stands for both.
  for (const issue of faults.length === 0 ? (registration.error?.issues ?? []) : [])
    faults.push(`${issue.path.join('.')}: ${issue.message}`);
  if (faults.length > 0 || registration.data === undefined) throw invalidOptions(options.name, faults);
  const timeoutMs = options.timeoutMs ?? 30_000;
  return {
    name: options.name,
    handler: handlerOf(options),
    concurrency: options.concurrency ?? 1,
    maxBatch,
    maxWaitMs: options.handleBatch === undefined ? 0 : (options.maxWaitMs ?? 20),
    timeoutMs,
    retries: options.retries ?? 3,
    breaker: breakerOf(options.breaker, timeoutMs),
    slowMs: options.slowMs ?? Math.ceil(timeoutMs * SLOW_SHARE),
    drainMs: options.drainMs ?? 30_000,
    natsUrl: options.natsUrl ?? DEFAULT_NATS_URL,
    instance: options.instance,
    logger: options.logger,
    registration: registration.data,
  };
}

/** What the registry is told: frames, not calls, are what an orchestrator counts. */
export function registrationOf({ registration, concurrency, maxBatch }: ResolvedOptions): ProcessorRecord {
  return { ...registration, concurrency: Math.min(concurrency * maxBatch, 4096) };
}

function* faultsOf(options: ProcessorOptions): Generator<string> {
  if (!isToken(options.name)) yield `name ${show(options.name)} is not allowed: use ${TOKEN_RULE}`;
  yield* capabilityFaults(options.capabilities);
  if (options.instance !== undefined && !isToken(options.instance))
    yield `instance ${show(options.instance)} is not allowed: use ${TOKEN_RULE}`;
  yield* handlerFaults(options);
  yield* boundFaults('concurrency', options.concurrency, 1, MAX_CONCURRENCY);
  yield* boundFaults('maxBatch', options.maxBatch, 1, MAX_FRAMES_PER_BATCH);
  yield* boundFaults('maxWaitMs', options.maxWaitMs, 0, 60_000);
  yield* boundFaults('timeoutMs', options.timeoutMs, 10, MAX_MS);
  yield* boundFaults('retries', options.retries, 0, 20);
  yield* boundFaults('slowMs', options.slowMs, 1, MAX_MS);
  yield* breakerFaults(options.breaker);
  yield* boundFaults('drainMs', options.drainMs, 100, 600_000);
  yield* boundFaults('ackWaitMs', options.ackWaitMs, 1_000, MAX_MS);
  yield* boundFaults('maxQueue', options.maxQueue, 1, 100_000);
}

function* capabilityFaults(capabilities: unknown): Generator<string> {
  if (!Array.isArray(capabilities) || capabilities.length === 0) {
    yield 'capabilities must name at least one capability, such as ["detect-person"]';
    return;
  }
  if (capabilities.length > MAX_CAPABILITIES)
    yield `capabilities: at most ${MAX_CAPABILITIES}, not ${capabilities.length}`;
  for (const capability of capabilities)
    if (!isToken(capability)) yield `capability ${show(capability)} is not allowed: use ${TOKEN_RULE}`;
  if (new Set(capabilities).size < capabilities.length) yield 'capabilities: one is named twice';
}

function* handlerFaults({ handle, handleBatch, maxBatch, maxWaitMs }: ProcessorOptions): Generator<string> {
  if (handle === undefined && handleBatch === undefined) yield 'one of handle and handleBatch is needed';
  if (handle !== undefined && handleBatch !== undefined) yield 'give handle or handleBatch, not both';
  for (const [name, handler] of Object.entries({ handle, handleBatch }))
    if (handler !== undefined && typeof handler !== 'function') yield `${name} must be a function`;
  const batchOnly = Object.entries({ maxBatch, maxWaitMs }).filter(([, value]) => value !== undefined);
  if (handleBatch === undefined && handle !== undefined)
    for (const [name] of batchOnly) yield `${name} belongs to handleBatch`;
}

function* breakerFaults(breaker: unknown): Generator<string> {
  if (breaker === undefined || breaker === false) return;
  if (typeof breaker !== 'object' || breaker === null || Array.isArray(breaker)) {
    yield 'breaker must be false, or hold some of failures, recoveryMs, trialCalls, successesToClose';
    return;
  }
  const bounds: Readonly<Record<string, readonly [number, number]>> = {
    failures: [1, 1_000_000],
    recoveryMs: [10, MAX_MS],
    trialCalls: [1, MAX_CONCURRENCY],
    successesToClose: [1, 1_000_000],
  };
  for (const [name, value] of Object.entries(breaker)) {
    const bound = bounds[name];
    if (bound === undefined) yield `breaker.${show(name)} is not known`;
    else yield* boundFaults(`breaker.${name}`, value, ...bound);
  }
}

function* boundFaults(name: string, value: unknown, min: number, max: number): Generator<string> {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= min && Number(value) <= max)) return;
  yield `${name} must be a whole number from ${min} to ${max}, not ${show(value)}`;
}

function invalidOptions(name: unknown, faults: readonly string[]): InvalidInputError {
  return new InvalidInputError(
    'processor_options',
    `processor ${show(name)} cannot be made:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
  );
}

function handlerOf({ handle, handleBatch }: ProcessorOptions): BatchHandler {
  if (handleBatch !== undefined) return handleBatch;
  // Without a promise where the handler has none: most of the cost of a call that does little.
  return ([frame]) => {
    if (frame === undefined) return [];
    const result = handle(frame);
    return isThenable(result) ? Promise.resolve(result).then((value) => [value]) : [result];
  };
}

/** A trial is silent only after every call has had its time. */
function breakerOf(breaker: BreakerOptions | false | undefined, timeoutMs: number): BreakerSettings | undefined {
  if (breaker === false) return undefined;
  return {
    failuresToOpen: breaker?.failures ?? 5,
    recoveryMs: breaker?.recoveryMs ?? 30_000,
    trialCalls: breaker?.trialCalls ?? 3,
    successesToClose: breaker?.successesToClose ?? 3,
    trialMs: Math.max(DEFAULT_TRIAL_MS, 2 * timeoutMs),
  };
}

function given<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 42 ? `${text.slice(0, 40)}…` : text;
}
