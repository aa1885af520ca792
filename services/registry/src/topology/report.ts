/**
 * What is provisioned, as operators read it. Pure.
 *
 * A difference of a *bound* (sizes, ages, copies, ack wait) changes how much is kept or how fast something is repeated: the
 * system works with it. Any other difference (subjects, retention, discard…) changes what a message means: not ready.
 */
import type { Difference, Provisioned } from '@frame-buffer/jetstream';

export interface TopologyEntry {
  readonly what: Provisioned['what'];
  readonly name: string;
  /** `failed`: it could not be made or looked at; `error` says why, and it is tried again. */
  readonly state: Provisioned['state'] | 'failed';
  readonly differences: readonly Difference[];
  readonly error?: string;
  /** ISO 8601 */
  readonly checkedAt: string;
}

export interface TopologyReport {
  /** `pending` until everything was looked at once since the broker was last there. */
  readonly state: 'pending' | 'verified' | 'different' | 'failed';
  readonly entries: readonly TopologyEntry[];
}

const BOUNDS = new Set([
  'max_bytes',
  'max_age',
  'max_msgs_per_subject',
  'num_replicas',
  'duplicate_window',
  'ack_wait',
  'max_ack_pending',
  'max_deliver',
  'sample_freq',
]);

export function reportOf(entries: readonly TopologyEntry[], isComplete: boolean): TopologyReport {
  const order = { stream: 0, bucket: 1, consumer: 2 };
  const sorted = [...entries].sort((a, b) => order[a.what] - order[b.what] || a.name.localeCompare(b.name));
  if (entries.some(({ state }) => state === 'failed')) return { state: 'failed', entries: sorted };
  if (!isComplete) return { state: 'pending', entries: sorted };
  const isDifferent = entries.some(({ state }) => state === 'different');
  return { state: isDifferent ? 'different' : 'verified', entries: sorted };
}

/** Why the system cannot work on this topology, or undefined when it can. */
export function unready({ state, entries }: TopologyReport): string | undefined {
  const failed = entries.filter((entry) => entry.state === 'failed');
  if (failed.length > 0) return `could not provision ${list(failed.map((entry) => `${entry.name}: ${entry.error}`))}`;
  if (state === 'pending') return 'not verified yet';
  const broken = differing(entries, (field) => !BOUNDS.has(field));
  return broken.length > 0 ? `differs where it must not: ${list(broken)}` : undefined;
}

/** The differences of bounds, shortly: what an operator may want to know of a system that is ready. */
export function remarks({ entries }: TopologyReport): string | undefined {
  const bounds = differing(entries, (field) => BOUNDS.has(field));
  return bounds.length > 0 ? `differs: ${list(bounds)}` : undefined;
}

function differing(entries: readonly TopologyEntry[], isMeant: (field: string) => boolean): string[] {
  return entries.flatMap(({ name, differences }) => {
    const fields = differences.map(({ field }) => field).filter(isMeant);
    return fields.length === 0 ? [] : [`${name} (${fields.join(', ')})`];
  });
}

function list(parts: readonly string[]): string {
  const shown = parts.slice(0, 5).join('; ');
  return parts.length > 5 ? `${shown}; and ${parts.length - 5} more` : shown;
}
