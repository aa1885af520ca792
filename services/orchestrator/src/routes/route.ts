/** A ready processor, as a decision sees it. */
import type { Encoding, Processor } from '@frame-buffer/protocol';

export interface Route {
  readonly processor: Processor;
  /** Live instances; 0 for a processor whose liveness is its registration. */
  readonly instances: number;
  /** Frames worked at the same time by all of them. */
  readonly concurrency: number;
  /** Its breaker is half-open: it gets a few tasks, and nobody waits for it. */
  readonly isOnTrial: boolean;
}

/** How much work a processor that is ready may get, as its breaker says. */
export type Admission = 'all' | 'trials' | 'none';

export function canRead(route: Route, encoding: Encoding): boolean {
  return encoding === 'none' || route.processor.encodings.includes(encoding);
}
