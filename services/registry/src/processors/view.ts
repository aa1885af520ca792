/** A processor as clients see it: its record, and what follows from the instances that live. Pure. */
import type { Instance, Processor } from '@frame-buffer/protocol';
import type { LifecycleView } from '../lifecycle/lifecycle.ts';

export interface LiveInstance extends Instance {
  /** When this registry last heard of it; ISO 8601. */
  readonly heardAt: string;
}

export interface ProcessorView extends Processor {
  /** May it be given work? */
  readonly ready: boolean;
  readonly instances: readonly LiveInstance[];
  /** Missing until somebody has looked at it, a moment after its registration. */
  readonly lifecycle?: LifecycleView;
}

/** States in which nothing is sent to it, whatever its instances say. */
const CLOSED = new Set(['suspect', 'draining', 'lost', 'removed']);

/** `instances`: all that live, of this processor. Those that drain take nothing new. */
export function viewOf(
  processor: Processor,
  instances: readonly LiveInstance[],
  lifecycle?: LifecycleView,
): ProcessorView {
  const isAlive = processor.liveness === 'registration' || instances.some(({ state }) => state === 'ready');
  const ready = isAlive && !CLOSED.has(lifecycle?.state ?? '');
  return { ...processor, ready, instances, ...(lifecycle && { lifecycle }) };
}
