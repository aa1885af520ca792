/**
 * Every subject of the system. Names are checked here, so that no caller can build a subject that means something else:
 * all of these throw `invalid_name` (`invalid_reason` for the reason of a dead letter).
 */
import { assertToken } from './names.ts';
import { assertReason } from './outcome.ts';
import type { PartitionLane } from './partitions.ts';

/** Priority bands of a capability, served 16 : 4 : 1, and the lane of tasks that wait for another attempt. */
export const BANDS = ['high', 'normal', 'low'] as const;
export type Band = (typeof BANDS)[number];
export type Lane = Band | 'retry';
export const LANES: readonly Lane[] = [...BANDS, 'retry'];
/** Ordered capabilities have a lane per partition instead. */
export type AnyLane = Lane | PartitionLane;

/** Priority 0–10 (10 is the most urgent) to its band: 8–10 high, 4–7 normal, 0–3 low. */
export function bandOf(priority: number): Band {
  if (priority >= 8) return 'high';
  return priority >= 4 ? 'normal' : 'low';
}

export const subject = {
  frames: (capability: string, lane: AnyLane) =>
    `frames.${assertToken('capability', capability)}.${assertToken('lane', lane)}`,
  pixels: (camera: string) => `pixels.${assertToken('camera', camera)}`,
  work: (processor: string, lane: AnyLane) =>
    `work.${assertToken('processor', processor)}.${assertToken('lane', lane)}`,
  /** One lane in the queues of all processors. */
  workInLane: (lane: AnyLane) => `work.*.${assertToken('lane', lane)}`,
  /** What the consumer of one processor reads. */
  workOf: (processor: string) => `work.${assertToken('processor', processor)}.*`,
  results: (processor: string, camera: string) =>
    `results.${assertToken('processor', processor)}.${assertToken('camera', camera)}`,
  settled: (writer: string) => `settled.${assertToken('writer', writer)}`,
  dead: (origin: string, reason: string) => `dead.${assertToken('origin', origin)}.${assertReason(reason)}`,
  event: (kind: string, id: string) => `events.${assertToken('event kind', kind)}.${assertToken('event id', id)}`,
} as const;

/** Filters for reading whole kinds at once. */
export const anySubject = {
  frames: 'frames.*.*',
  work: 'work.*.*',
  results: 'results.*.*',
  settled: 'settled.*',
  events: 'events.*.*',
  ackMetrics: '$JS.EVENT.METRIC.CONSUMER.ACK.WORK.*',
} as const;

/** Durables. One per lane, shared by all orchestrators; one per processor, shared by its instances. */
export const durable = {
  lane: (capability: string, lane: AnyLane) => `${assertToken('capability', capability)}_${assertToken('lane', lane)}`,
  processor: (processor: string) => assertToken('processor', processor),
  /** Takes back what is queued for a processor that was lost; `epoch` is that of the processor's registration. */
  drain: (processor: string, epoch: number) => `${assertToken('processor', processor)}_drain_e${epoch}`,
} as const;

/** The processor that a WORK subject belongs to. */
export function processorOfWorkSubject(workSubject: string): string {
  return workSubject.split('.')[1] ?? '';
}

/** The lane of a FRAMES or WORK subject. */
export function laneOfSubject(laneSubject: string): string {
  return laneSubject.split('.')[2] ?? '';
}

/** The capability that a FRAMES subject belongs to. */
export function capabilityOfLaneSubject(framesSubject: string): string {
  return framesSubject.split('.')[1] ?? '';
}

/** Subjects of the services' request endpoints (NATS micro). */
export const endpoint = {
  registerProcessor: 'registry.processors.register',
  renewProcessor: 'registry.processors.renew',
  deregisterProcessor: 'registry.processors.deregister',
  listProcessors: 'registry.processors.list',
  drainProcessor: 'registry.processors.drain',
  resumeProcessor: 'registry.processors.resume',
  releasePartition: 'registry.partitions.release',
  /** Among registries: to the one that has the duty of the lifecycle. */
  lifecycleCommand: 'registry.lifecycle.command',
  verifyTopology: 'registry.topology.verify',
  orchestratorRoutes: 'orchestrator.routes',
  routeBreakers: 'orchestrator.breakers',
  resetRouteBreaker: 'orchestrator.breakers.reset',
  listCameras: 'capture-gateway.cameras',
  ledger: 'health-monitor.ledger',
  health: 'health-monitor.health',
} as const;

/** What a service tells all of its kind: plain messages, heard by whoever is connected. */
export const broadcast = {
  /** A `breakerResetNotice`. */
  routeBreakerReset: 'orchestrator.breakers.was-reset',
} as const;
