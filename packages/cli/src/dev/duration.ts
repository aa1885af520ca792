/** Durations as people write and read them. */
import { usageError } from './errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/y;
const LONGEST_MS = 7 * 24 * 3_600_000;

/** `15s`, `2m`, `1h30m`, `500ms` in milliseconds: above 0, at most a week. Throws a DevError that names `option`. */
export function parseDuration(text: string, option: string): number {
  let totalMs = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) throw notADuration(text, option);
    totalMs += Number(part[1]) * (UNIT_MS[part[2] ?? ''] ?? 0);
  }
  if (totalMs <= 0 || totalMs > LONGEST_MS) throw notADuration(text, option);
  return Math.round(totalMs);
}

function notADuration(text: string, option: string): Error {
  return usageError(`${option} "${text}" is no duration: write 15s, 2m or 1h30m (at most 168h).`);
}

/** `0.8 s`, `12 s`, `2 min 5 s`, `1 h 0 min`. */
export function formatDuration(ms: number): string {
  if (ms < 10_000) return `${Math.max(0, ms / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
