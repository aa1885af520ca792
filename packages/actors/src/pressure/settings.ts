import { requireWait, requireWithin } from '../bounds.ts';

export interface PressureSettings {
  /** Value from which on it is elevated, above 0. Default 0.6. */
  readonly elevatedAt: number;
  /** Value from which on it is high, above `elevatedAt`. Default 0.8. */
  readonly highAt: number;
  /** Value from which on it is critical, above `highAt` and at most 1. Default 0.95. */
  readonly criticalAt: number;
  /** How far below its threshold a level is left, below `elevatedAt`. Default 0.1. */
  readonly gap: number;
  /** How long the value must have been that low, ms. Default 5 s. */
  readonly settleMs: number;
}

const defaults: PressureSettings = { elevatedAt: 0.6, highAt: 0.8, criticalAt: 0.95, gap: 0.1, settleMs: 5_000 };

/** @throws SettingsError that names the option */
export function pressureSettings(given: Partial<PressureSettings> = {}): PressureSettings {
  const settings = { ...defaults, ...given };
  requireWithin('elevatedAt', settings.elevatedAt, 0, 1);
  requireWithin('highAt', settings.highAt, settings.elevatedAt, 1);
  requireWithin('criticalAt', settings.criticalAt, settings.highAt, 1);
  requireWithin('gap', settings.gap, 0, settings.elevatedAt);
  requireWait('settleMs', settings.settleMs);
  return settings;
}
