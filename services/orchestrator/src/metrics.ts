/** The orchestrator's metrics. Labels are capabilities, processors and reasons: bounded, never frames. */
import { latencySeconds, type Metrics } from '@frame-buffer/telemetry';
import type { Credits } from './credit/credits.ts';
import type { RouteTable } from './routes/route-table.ts';

export interface OrchestratorMetrics {
  dispatched(capability: string, processor: string, tasks: number, ageMs: number): void;
  /** `step` is the policy's label expression, or `skip`. */
  decided(capability: string, step: string, tasks: number): void;
  expired(capability: string, reason: string, tasks: number): void;
  refused(processor: string, reason: string): void;
  unreadable(capability: string, reason: string): void;
}

export function orchestratorMetrics(metrics: Metrics, routes: () => RouteTable, credits: Credits): OrchestratorMetrics {
  const dispatched = metrics.counter({
    name: 'frame_buffer_tasks_dispatched_total',
    help: "Tasks put into processors' queues",
    labels: ['capability', 'processor'],
  });
  const decided = metrics.counter({
    name: 'frame_buffer_routing_step_tasks_total',
    help: "Tasks by the step of their policy's chain that took them; skip: settled as shed/skipped",
    labels: ['capability', 'step'],
  });
  const age = metrics.histogram({
    name: 'frame_buffer_dispatch_age_seconds',
    help: 'Age of the first frame of a slice when it is dispatched, since capture',
    labels: ['capability'],
    buckets: latencySeconds,
  });
  const expired = metrics.counter({
    name: 'frame_buffer_tasks_expired_total',
    help: 'Tasks that outlived their deadline before they could be dispatched',
    labels: ['capability', 'reason'],
  });
  const refused = metrics.counter({
    name: 'frame_buffer_dispatch_refused_total',
    help: 'Publishes to a queue that the broker refused',
    labels: ['processor', 'reason'],
  });
  const unreadable = metrics.counter({
    name: 'frame_buffer_messages_unreadable_total',
    help: 'Messages in a lane that could not be read',
    labels: ['capability', 'reason'],
  });
  metrics.gauge({
    name: 'frame_buffer_processor_outstanding_tasks',
    help: 'Tasks that this orchestrator dispatched and that are not settled',
    labels: ['processor'],
    collect: (gauge) => {
      gauge.reset();
      const { byProcessor } = routes();
      for (const name of byProcessor.keys()) gauge.set({ processor: name }, credits.of(name).outstanding);
    },
  });
  return {
    dispatched(capability, processor, tasks, ageMs) {
      dispatched.inc({ capability, processor }, tasks);
      age.observe({ capability }, ageMs / 1000);
    },
    decided: (capability, step, tasks) => decided.inc({ capability, step }, tasks),
    expired: (capability, reason, tasks) => expired.inc({ capability, reason }, tasks),
    refused: (processor, reason) => refused.inc({ processor, reason }),
    unreadable: (capability, reason) => unreadable.inc({ capability, reason }),
  };
}
