/** What a dashboard shows of a registry. */
import type { Metrics } from '@frame-buffer/telemetry';
import type { Registry } from './registry.ts';
import type { TopologyEntry } from './topology/report.ts';

export interface RegistryMetrics {
  readonly provisioned: (entry: TopologyEntry) => void;
  readonly registered: (state: string) => void;
}

/** `current` gives the registry once it has a broker. */
export function registryMetrics(metrics: Metrics, current: () => Registry | undefined): RegistryMetrics {
  metrics.gauge({
    name: 'frame_buffer_registry_processors',
    help: 'Registered processors, by readiness.',
    labels: ['ready'],
    collect: (gauge) => {
      const processors = current()?.processors() ?? [];
      const ready = processors.filter((processor) => processor.ready).length;
      gauge.set({ ready: 'true' }, ready);
      gauge.set({ ready: 'false' }, processors.length - ready);
    },
  });
  metrics.gauge({
    name: 'frame_buffer_registry_instances',
    help: 'Instances whose heartbeat lives.',
    labels: ['kind'],
    collect: (gauge) => {
      gauge.set({ kind: 'processor' }, current()?.instances.count('processor') ?? 0);
      gauge.set({ kind: 'service' }, current()?.instances.count('service') ?? 0);
    },
  });
  metrics.gauge({
    name: 'frame_buffer_registry_topology_differences',
    help: 'Fields of streams, buckets and consumers that are not as this registry would make them.',
    collect: (gauge) => {
      const entries = current()?.topology().entries ?? [];
      gauge.set(entries.reduce((sum, { differences }) => sum + differences.length, 0));
    },
  });
  const provisioned = metrics.counter({
    name: 'frame_buffer_registry_provisioned_total',
    help: 'Looks at streams, buckets and consumers, by what came of them.',
    labels: ['what', 'state'],
  });
  const registrations = metrics.counter({
    name: 'frame_buffer_registry_registrations_total',
    help: 'Answered registrations and deregistrations, by what came of them.',
    labels: ['state'],
  });
  return {
    provisioned: ({ what, state }) => provisioned.inc({ what, state }),
    registered: (state) => registrations.inc({ state }),
  };
}
