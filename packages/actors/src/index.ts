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
