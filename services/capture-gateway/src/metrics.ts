/** The gateway's gauges: what it holds in memory, and its cameras. */
import { cameraStates } from '@frame-buffer/actors';
import type { Metrics } from '@frame-buffer/telemetry';
import type { Cameras } from './cameras/cameras.ts';
import type { FrameIntake } from './frames/frame-intake.ts';
import type { LaneWriters } from './frames/lane-writer.ts';

export interface Measured {
  readonly intake: FrameIntake;
  readonly lanes: LaneWriters;
  readonly cameras: Cameras;
}

export function gatewayMetrics(metrics: Metrics, { intake, lanes, cameras }: Measured): void {
  metrics.gauge({
    name: 'frame_buffer_gateway_buffered_frames',
    help: 'Frames in memory whose picture the broker does not have yet',
    collect: (gauge) => gauge.set(intake.buffered),
  });
  metrics.gauge({
    name: 'frame_buffer_gateway_buffered_bytes',
    help: 'Bytes of pictures in memory that the broker does not have yet',
    collect: (gauge) => gauge.set(intake.bufferedBytes),
  });
  metrics.gauge({
    name: 'frame_buffer_gateway_pending_tasks',
    help: 'Tasks whose picture is stored and which wait for their lane',
    collect: (gauge) => gauge.set(lanes.pending),
  });
  metrics.gauge({
    name: 'frame_buffer_cameras',
    help: 'Cameras that this gateway captures, by state',
    labels: ['state'],
    collect: (gauge) => {
      for (const state of cameraStates) gauge.set({ state }, 0);
      for (const { host } of cameras.all()) if (host !== undefined) gauge.inc({ state: host.status.state });
    },
  });
}
