/** The metrics of the route breakers. Labels are processors and states: bounded. */
import type { Metrics } from '@frame-buffer/telemetry';
import { type BreakerState, breakerStates } from './machine.ts';

export interface BreakerMetrics {
  changed(processor: string, to: BreakerState): void;
}

/** `states`: of all registered processors now. */
export function breakerMetrics(
  metrics: Metrics,
  states: () => Iterable<readonly [processor: string, state: BreakerState]>,
): BreakerMetrics {
  metrics.gauge({
    name: 'frame_buffer_breaker_state',
    help: 'The state that the breaker of a route is in: 1 for that one, 0 for the others',
    labels: ['processor', 'state'],
    collect: (gauge) => {
      gauge.reset();
      for (const [processor, present] of states())
        for (const state of breakerStates) gauge.set({ processor, state }, state === present ? 1 : 0);
    },
  });
  const transitions = metrics.counter({
    name: 'frame_buffer_breaker_transitions_total',
    help: 'Changes of state of the breaker of a route',
    labels: ['processor', 'to'],
  });
  return { changed: (processor, to) => transitions.inc({ processor, to }) };
}
