/** What the fleet reads from a processor's snapshot. Pure. */
import type { ProcessorSnapshot } from '@frame-buffer/actors';

/** Why its queue is returned: stands in the settlements. */
export function reasonOf({ value }: ProcessorSnapshot): string {
  return value === 'lost' ? 'processor_lost' : 'processor_drained';
}

/** Does its next step depend on how much is queued? A lost one's queue must stay empty. */
export function needsMeasuring({ value, context }: ProcessorSnapshot): boolean {
  if (value === 'lost') return context.queue === 'returned';
  return value === 'draining' || (value === 'registered' && context.liveness === 'heartbeat');
}

/** Heartbeats alone are not kept: whoever takes over reads the newest itself. */
export function hasChanged({ context: a }: ProcessorSnapshot, { context: b }: ProcessorSnapshot): boolean {
  const fields = ['epoch', 'liveness', 'instances', 'broker', 'queue', 'intent', 'drainingSince'] as const;
  return fields.some((field) => a[field] !== b[field]);
}
