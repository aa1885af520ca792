import { requireCount, requireWait } from '../bounds.ts';

export interface HealthSettings {
  /** So many results in a row that are worse than a check's level make it worse. Default 2. */
  readonly worseAfter: number;
  /** So many results in a row that are better than a check's level make it better. Default 3. */
  readonly betterAfter: number;
  /** When no check has completed for so long, nothing is known any more, ms. Default 15 s. */
  readonly staleMs: number;
}

const defaults: HealthSettings = { worseAfter: 2, betterAfter: 3, staleMs: 15_000 };

/** @throws SettingsError that names the option */
export function healthSettings(given: Partial<HealthSettings> = {}): HealthSettings {
  const settings = { ...defaults, ...given };
  requireCount('worseAfter', settings.worseAfter);
  requireCount('betterAfter', settings.betterAfter);
  requireWait('staleMs', settings.staleMs);
  return settings;
}
