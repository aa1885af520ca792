/** Logs and metrics of every process. */
export {
  createLogger,
  type LogEvent,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  logLevels,
  silentLogger,
} from './logger.ts';
export {
  type Counter,
  createMetrics,
  type Gauge,
  type GaugeDefinition,
  type Histogram,
  type HistogramDefinition,
  latencySeconds,
  type MetricDefinition,
  MetricDefinitionError,
  type Metrics,
  type MetricsOptions,
} from './metrics.ts';
export { isSecretName, redactUrls } from './redact.ts';
export { serialise } from './serialise.ts';
