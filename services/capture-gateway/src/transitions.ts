/** Tells the world what a camera's actor did: log, audit log, and the counter of reconnects. */
import type { EventLog } from '@frame-buffer/jetstream';
import type { Logger, Metrics } from '@frame-buffer/telemetry';
import type { Transition } from './cameras/camera-host.ts';

export function transitionTeller(log: Logger, events: EventLog, metrics: Metrics): (transition: Transition) => void {
  const reconnects = metrics.counter({
    name: 'frame_buffer_camera_reconnects_total',
    help: 'Attempts to open a camera again, by what had ended the last one',
    labels: ['camera', 'cause'],
  });
  return ({ camera, from, to, cause }) => {
    const why = cause === null ? {} : { cause: cause.code, detail: cause.detail };
    const tell = to === 'backingOff' || to === 'failed' || to === 'stalled' ? log.warn : log.info;
    tell('camera.changed', { camera, from, to, ...why });
    events.record({
      kind: 'camera',
      id: camera,
      event: 'camera.changed',
      from,
      to,
      ...(cause === null ? {} : { cause: cause.code }),
    });
    if (to === 'connecting' && cause !== null) reconnects.inc({ camera, cause: cause.code });
  };
}
