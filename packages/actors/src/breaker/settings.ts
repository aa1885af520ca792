import { requireCount, requireWait } from '../bounds.ts';

export interface BreakerSettings {
  /** So many failures in a row open it. Default 5. */
  readonly failuresToOpen: number;
  /** How long it stays open before it tries, ms. Default 30 s. */
  readonly recoveryMs: number;
  /** Calls that may be under way at the same time while it tries. Default 3. */
  readonly trialCalls: number;
  /** So many successful trials in a row close it. Default 3. */
  readonly successesToClose: number;
  /** A trial that says nothing for so long has failed, ms. Default 30 s. */
  readonly trialMs: number;
}

const defaults: BreakerSettings = {
  failuresToOpen: 5,
  recoveryMs: 30_000,
  trialCalls: 3,
  successesToClose: 3,
  trialMs: 30_000,
};

/** @throws SettingsError that names the option */
export function breakerSettings(given: Partial<BreakerSettings> = {}): BreakerSettings {
  const settings = { ...defaults, ...given };
  requireCount('failuresToOpen', settings.failuresToOpen);
  requireWait('recoveryMs', settings.recoveryMs);
  requireCount('trialCalls', settings.trialCalls);
  requireCount('successesToClose', settings.successesToClose);
  requireWait('trialMs', settings.trialMs);
  return settings;
}
