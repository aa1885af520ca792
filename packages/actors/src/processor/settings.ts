import { requireWait, requireWithin, SettingsError } from '../bounds.ts';

export interface ProcessorSettings {
  /** So long without a heartbeat of any instance: suspect, ms. Default 2 s, two heartbeats. */
  readonly suspectMs: number;
  /** So long without a heartbeat of any instance: lost, ms, above `suspectMs`. Default 3 s. */
  readonly lostMs: number;
  /** After a reconnect to the broker, silence counts for nothing for so long, ms. Default 5 s. */
  readonly graceMs: number;
  /** How far ahead of the host's clock a heartbeat may be before it is not believed, ms, below `suspectMs`. Default 1 s. */
  readonly skewMs: number;
  /** All instances took their leave: so long may what is queued wait for new ones, ms. Default 10 s. */
  readonly returnMs: number;
  /** A drain that takes longer gives what is still queued back, ms. Default 60 s. */
  readonly drainMs: number;
  /** Share of failed tasks above which it is degraded, at most 1. Default 0.5. */
  readonly maxFailureShare: number;
  /** Latency (p95 of handlers, ms) above which it is degraded: slow. Default 30 s. */
  readonly maxLatencyMs: number;
  /** An event loop that has not answered for longer: blocking, ms. Default 5 s. */
  readonly maxBlockedMs: number;
  /** A task that has been worked for longer without an end, while the event loop answers: hung, ms. Default 60 s. */
  readonly maxStuckMs: number;
  /** It is ready again when every figure is at most this share of its bound, so that it does not flap. Default 0.8. */
  readonly recoveredShare: number;
}

const defaults: ProcessorSettings = {
  suspectMs: 2_000,
  lostMs: 3_000,
  graceMs: 5_000,
  skewMs: 1_000,
  returnMs: 10_000,
  drainMs: 60_000,
  maxFailureShare: 0.5,
  maxLatencyMs: 30_000,
  maxBlockedMs: 5_000,
  maxStuckMs: 60_000,
  recoveredShare: 0.8,
};

const waits = [
  'suspectMs',
  'lostMs',
  'graceMs',
  'skewMs',
  'returnMs',
  'drainMs',
  'maxLatencyMs',
  'maxBlockedMs',
  'maxStuckMs',
] as const;

/** @throws SettingsError that names the option */
export function processorSettings(given: Partial<ProcessorSettings> = {}): ProcessorSettings {
  const settings = { ...defaults, ...given };
  for (const option of waits) requireWait(option, settings[option]);
  if (settings.lostMs <= settings.suspectMs) throw new SettingsError('lostMs', 'above suspectMs', settings.lostMs);
  // Or a clock that is set back by as much would silence a processor that lives.
  if (settings.skewMs >= settings.suspectMs) throw new SettingsError('skewMs', 'below suspectMs', settings.skewMs);
  requireWithin('maxFailureShare', settings.maxFailureShare, 0, 1);
  requireWithin('recoveredShare', settings.recoveredShare, 0, 1);
  return settings;
}
