export { SettingsError } from './bounds.ts';
export {
  admissible,
  type BreakerContext,
  type BreakerEvent,
  type BreakerInput,
  type BreakerSnapshot,
  type BreakerState,
  breakerMachine,
  breakerStates,
  canAdmit,
} from './breaker/breaker.machine.ts';
export { type BreakerSettings, breakerSettings } from './breaker/settings.ts';
export {
  type CameraContext,
  type CameraEvent,
  type CameraInput,
  type CameraState,
  cameraMachine,
  cameraStates,
} from './camera/camera.machine.ts';
export {
  type CauseCode,
  type EndCause,
  endCause,
  isCauseCode,
  type Reaction,
  reactionTo,
} from './camera/cause.ts';
export { backoffMs, type CameraTimings, cameraTimings } from './camera/timings.ts';
export { type Check, type CheckLevel, type CheckResult, type Checks, checkLevels } from './health/checks.ts';
export {
  type HealthContext,
  type HealthEvent,
  type HealthInput,
  type HealthSnapshot,
  type HealthState,
  healthMachine,
  healthStates,
} from './health/health.machine.ts';
export { type HealthSettings, healthSettings } from './health/settings.ts';
export * from './persistence.ts';
export {
  type PressureContext,
  type PressureEvent,
  type PressureInput,
  type PressureLevel,
  type PressureSnapshot,
  pressureLevels,
  pressureMachine,
} from './pressure/pressure.machine.ts';
export { type PressureSettings, pressureSettings } from './pressure/settings.ts';
export { type Figures, type Impairment, impairmentsOf } from './processor/figures.ts';
export {
  type Liveness,
  type ProcessorContext,
  type ProcessorEvent,
  type ProcessorInput,
  type ProcessorState,
  processorStates,
} from './processor/life.ts';
export { isReceptive, type ProcessorSnapshot, processorMachine } from './processor/processor.machine.ts';
export { type ProcessorSettings, processorSettings } from './processor/settings.ts';
