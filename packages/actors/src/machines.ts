/** Every machine by name: what is documented, explored and mutated. Its folder has the same name. */
import { breakerMachine } from './breaker/breaker.machine.ts';
import { cameraMachine } from './camera/camera.machine.ts';
import { healthMachine } from './health/health.machine.ts';
import { pressureMachine } from './pressure/pressure.machine.ts';
import { processorMachine } from './processor/processor.machine.ts';

export const machines = {
  breaker: breakerMachine,
  camera: cameraMachine,
  health: healthMachine,
  pressure: pressureMachine,
  processor: processorMachine,
} as const;

export type MachineName = keyof typeof machines;

export const machineNames = Object.keys(machines) as readonly MachineName[];
