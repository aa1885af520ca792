/** What every service shares: configuration, HTTP, health, shutdown, heartbeat, micro service. */
export {
  type ConfigDefinition,
  type ConfigFault,
  type ConfigOf,
  type ConfigResult,
  type ConfigRule,
  defineConfig,
  type Environment,
  formatFaults,
  loadConfig,
  publicConfig,
  type Setting,
  type Settings,
  setting,
} from './config.ts';
export { describeConfig, helpText, type SettingRow } from './config-reference.ts';
export type { CheckOutcome, Identity, ReadinessCheck } from './health.ts';
export { type Heartbeat, type HeartbeatOptions, startHeartbeat } from './heartbeat.ts';
export { createHttpServer, type HttpServer, type HttpServerOptions } from './http.ts';
export { brokerReadiness, type JoinOptions, joinSystem, type Membership } from './join.ts';
export { type BytesRoute, bytesRoute, type JsonRoute, jsonRoute, type Method, type RouteInput } from './json-route.ts';
export type { RunningService } from './lifecycle.ts';
export { type Micro, type MicroEndpoint, type MicroOptions, microEndpoint, startMicro } from './micro.ts';
export { PortError } from './port-error.ts';
export {
  type InputFault,
  type Problem,
  ProblemError,
  problemOf,
  type StatusOf,
  statusByConvention,
  validationProblem,
} from './problem.ts';
export { exitCode, type ParentMessage } from './process.ts';
export { type HttpOptions, runService, type ServiceContext, type ServiceOptions } from './run-service.ts';
export {
  type CommonConfig,
  type CommonSettings,
  commonSettings,
  flag,
  instanceName,
  integer,
  natsUrl,
} from './settings.ts';
export { type UnknownVariable, variablePrefix } from './unknown-variables.ts';
