/** A processor as clients see it: its record, and what follows from the instances that live. Pure. */
import type { Instance, Processor } from '@frame-buffer/protocol';

export interface LiveInstance extends Instance {
  /** When this registry last heard of it; ISO 8601. */
  readonly heardAt: string;
}

export interface ProcessorView extends Processor {
  /** May it be given work? */
  readonly ready: boolean;
  readonly instances: readonly LiveInstance[];
}

/** `instances`: all that live, of this processor. Those that drain take nothing new. */
export function viewOf(processor: Processor, instances: readonly LiveInstance[]): ProcessorView {
  const ready = processor.liveness === 'registration' || instances.some(({ state }) => state === 'ready');
  return { ...processor, ready, instances };
}
