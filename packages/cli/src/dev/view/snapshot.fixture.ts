/** A moment of the demo, for tests. */
import { balanceOf } from '../ledger.fixture.ts';
import type { Snapshot } from './snapshot.ts';

export function snapshotOf(more: Partial<Snapshot> = {}): Snapshot {
  return {
    phase: 'running',
    elapsedMs: 72_400,
    remainingMs: undefined,
    parts: [{ name: 'registry', state: 'running', pid: 1, restarts: 0 }],
    cameras: [
      cameraOf('cam-1', { state: 'streaming', fps: 10, width: 640, height: 360 }),
      cameraOf('door', { state: 'backingOff', cause: 'connection_refused' }),
    ],
    capabilities: [
      { name: 'motion', waiting: 0, processedPerSecond: 30, ageMs: 24.4 },
      { name: 'quality', waiting: 12_345, processedPerSecond: undefined, ageMs: undefined },
    ],
    processors: [
      {
        name: 'motion',
        instances: 1,
        outstanding: 2,
        window: 1_000,
        inFlight: 1,
        processedPerSecond: 30,
        serviceMs: 3.21,
      },
      {
        name: 'quality',
        instances: 0,
        outstanding: undefined,
        window: undefined,
        inFlight: 0,
        processedPerSecond: 0,
        serviceMs: undefined,
      },
    ],
    ledger: { ...balanceOf({ captured: 4_212, processed: 4_190, shed: 2, in_flight: 15 }), exact: true, stale: false },
    results: [
      { camera: 'cam-1', capability: 'motion', text: '0.31' },
      { camera: 'cam-1', capability: 'quality', text: 'sharpness 0.82' },
    ],
    throughput: [0, 10, 20, 40, 60],
    faults: [],
    ...more,
  };
}

export function cameraOf(name: string, more: Partial<Snapshot['cameras'][number]> = {}): Snapshot['cameras'][number] {
  return {
    name,
    url: 'test-pattern:',
    capabilities: 2,
    state: undefined,
    cause: undefined,
    fps: undefined,
    width: undefined,
    height: undefined,
    ...more,
  };
}
