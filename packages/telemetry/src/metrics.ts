/**
 * Metrics in the Prometheus text format.
 *
 *   M1  One registry per `createMetrics`: nothing is global, so tests and several services in one process do not mix.
 *   M2  A name that breaks the conventions is refused when it is defined, not found out in a dashboard:
 *       prefix `frame_buffer_`, base units (seconds, bytes, ratios from 0 to 1), `_total` on counters and only there.
 *   M3  Every series carries `service`.
 *
 * The number of label values is the caller's duty: label by camera, capability, processor or reason, never by frame.
 * Source: https://prometheus.io/docs/practices/naming/
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type { Counter, Gauge, Histogram } from 'prom-client';

export interface MetricDefinition<L extends string> {
  /** In full, with prefix and unit: `frame_buffer_camera_reconnects_total`. */
  readonly name: string;
  /** One sentence for the reader of a dashboard. */
  readonly help: string;
  readonly labels?: readonly L[];
}

export interface GaugeDefinition<L extends string> extends MetricDefinition<L> {
  /** Called at each scrape to set the gauge from what is true then. */
  readonly collect?: (gauge: Gauge<L>) => void | Promise<void>;
}

export interface HistogramDefinition<L extends string> extends MetricDefinition<L> {
  /** Upper bounds, ascending, in the unit of the name. */
  readonly buckets: readonly number[];
}

export interface Metrics {
  counter<L extends string = never>(definition: MetricDefinition<L>): Counter<L>;
  gauge<L extends string = never>(definition: GaugeDefinition<L>): Gauge<L>;
  histogram<L extends string = never>(definition: HistogramDefinition<L>): Histogram<L>;
  /** The exposition of all metrics, to be served as `contentType`. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  readonly service: string;
  /**
   * Adds the process's own metrics (CPU, memory, event loop lag, garbage collection); default true. They keep the names that every
   * Node.js dashboard knows (`process_*`, `nodejs_*`), without our prefix.
   */
  readonly processMetrics?: boolean;
}

/** A metric was defined against the conventions, or twice. */
export class MetricDefinitionError extends Error {
  override readonly name = 'MetricDefinitionError';
  readonly code = 'metric_definition_invalid';
}

/** Upper bounds in seconds for what takes from a millisecond to a minute. */
export const latencySeconds: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });

  function common<L extends string>(kind: Kind, definition: MetricDefinition<L>) {
    const fault = faultOf(kind, definition, registry);
    if (fault !== undefined) throw new MetricDefinitionError(`Metric "${definition.name}": ${fault}`);
    const { name, help, labels = [] } = definition;
    return { name, help, labelNames: [...labels], registers: [registry] };
  }

  return {
    counter: (definition) => new Counter(common('counter', definition)),
    gauge: <L extends string>(definition: GaugeDefinition<L>) => {
      const { collect } = definition;
      if (collect === undefined) return new Gauge(common('gauge', definition));
      const gauge: Gauge<L> = new Gauge({ ...common('gauge', definition), collect: () => collect(gauge) });
      return gauge;
    },
    histogram: (definition) =>
      new Histogram({ ...common('histogram', definition), buckets: [...ascending(definition)] }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

type Kind = 'counter' | 'gauge' | 'histogram';

const namePattern = /^frame_buffer_[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
const labelPattern = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
const reservedLabels: ReadonlySet<string> = new Set(['le', 'quantile', 'service', 'job', 'instance']);

const baseUnits: Readonly<Record<string, string>> = {
  ms: 'seconds',
  millis: 'seconds',
  milliseconds: 'seconds',
  us: 'seconds',
  ns: 'seconds',
  minutes: 'seconds',
  hours: 'seconds',
  kb: 'bytes',
  kilobytes: 'bytes',
  mb: 'bytes',
  megabytes: 'bytes',
  percent: 'ratio (0 to 1)',
};

function faultOf(
  kind: Kind,
  { name, help, labels = [] }: MetricDefinition<string>,
  registry: Registry,
): string | undefined {
  if (!namePattern.test(name)) return 'the name must be snake_case and start with frame_buffer_';
  if (registry.getSingleMetric(name) !== undefined) return 'it is defined twice';
  if (help.trim() === '') return 'help is empty';
  if (kind === 'counter' && !name.endsWith('_total')) return 'a counter ends in _total';
  if (kind !== 'counter' && name.endsWith('_total')) return 'only a counter ends in _total';

  const unit = name.split('_').find((word) => Object.hasOwn(baseUnits, word));
  if (unit !== undefined) return `"${unit}" is no base unit, use ${baseUnits[unit]}`;

  const label = labels.find((candidate) => !labelPattern.test(candidate) || reservedLabels.has(candidate));
  return label === undefined ? undefined : `the label "${label}" is reserved or not snake_case`;
}

function ascending({ name, buckets }: HistogramDefinition<string>): readonly number[] {
  const ordered = buckets.every((bound, index) => index === 0 || bound > (buckets[index - 1] ?? Number.NaN));
  if (buckets.length === 0 || !ordered) {
    throw new MetricDefinitionError(`Metric "${name}": buckets must be at least one bound, in ascending order`);
  }
  return buckets;
}
