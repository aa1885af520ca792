/** Checks of settings: one that contradicts itself is refused at once, by name, before a machine runs on it. */

export class SettingsError extends Error {
  readonly code = 'invalid_settings';
  /** As it is spelled in the settings. */
  readonly option: string;

  constructor(option: string, must: string, value: unknown) {
    super(`${option} must be ${must}, not ${String(value)}`);
    this.name = 'SettingsError';
    this.option = option;
  }
}

/** @throws SettingsError unless `value` is a whole number from 1 up */
export function requireCount(option: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new SettingsError(option, 'a whole number of at least 1', value);
}

/** @throws SettingsError unless `value` is a time that a timer can wait, in milliseconds: above 0, at most 2^31-1 */
export function requireWait(option: string, value: number): void {
  if (!(value > 0 && value <= 0x7fffffff)) throw new SettingsError(option, 'from above 0 to 2147483647 ms', value);
}

/** @throws SettingsError unless `low < value <= high` */
export function requireWithin(option: string, value: number, low: number, high: number): void {
  if (!(value > low && value <= high)) throw new SettingsError(option, `above ${low} and at most ${high}`, value);
}
