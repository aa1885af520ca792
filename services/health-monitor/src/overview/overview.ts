/** Everything at one glance, as the terminal view and the console poll it. Pure: it only puts together. */
import type { Camera, Instance, Processor } from '@frame-buffer/protocol';
import { balanceSchema, parseCameraUrl } from '@frame-buffer/protocol';
import { z } from 'zod';
import type { Directory } from '../directory.ts';
import { HEALTH_STATUS, type Health } from '../health/assess.ts';
import type { LedgerAnswer } from '../ledger/balance.ts';
import { type Queues, queuesSchema } from '../streams/queues.ts';
import type { Activity } from './activity.ts';

const count = z.int().min(0);
/** Mean of the last seconds. */
const perSecond = z.number().min(0);

export const overviewSchema = z.object({
  /** ISO 8601 */
  at: z.iso.datetime(),
  status: z.enum(HEALTH_STATUS),
  /** What is wrong and what to do, a sentence each; worst first. */
  faults: z.array(z.string()),
  /** By name. */
  cameras: z.record(
    z.string(),
    z.object({
      /** Kind of source, such as `rtsp`; absent for a camera that is captured though no record of it exists any more. */
      source: z.string().optional(),
      capabilities: z.array(z.string()),
      capturedPerSecond: perSecond,
    }),
  ),
  /** By name. */
  capabilities: z.record(
    z.string(),
    z.object({
      processedPerSecond: perSecond,
      /** Messages in its lanes; a message is a batch of one or more tasks. */
      queued: count,
    }),
  ),
  /** By name: those that are registered. */
  processors: z.record(
    z.string(),
    z.object({
      capabilities: z.array(z.string()),
      /** Instances whose heartbeat lives. */
      instances: count,
      /** Tasks being worked, and tasks fetched and waiting, as the instances say. */
      inFlight: count,
      waiting: count,
      /** Messages in its queue, delivered or not. */
      queued: count,
      processedPerSecond: perSecond,
    }),
  ),
  queues: queuesSchema,
  /** The balance; null until the ledger has been read for the first time. */
  ledger: balanceSchema
    .extend({ exact: z.boolean(), conflicts: count, asOf: z.iso.datetime(), stale: z.boolean() })
    .nullable(),
});

export type Overview = z.infer<typeof overviewSchema>;

export interface OverviewFacts {
  readonly directory: Pick<Directory, 'cameras' | 'processors' | 'instances'>;
  readonly activity: Activity;
  readonly queues: Queues;
  readonly health: Pick<Health, 'status' | 'faults'>;
  readonly ledger: LedgerAnswer | undefined;
  /** Milliseconds since 1970 by the broker's clock. */
  readonly brokerNowMs: number;
}

export function toOverview(facts: OverviewFacts): Overview {
  const { directory, queues, health, ledger, brokerNowMs } = facts;
  const { exact, conflicts, asOf, stale } = ledger ?? {};
  return {
    at: new Date(brokerNowMs).toISOString(),
    status: health.status,
    faults: health.faults.map(({ message }) => message),
    cameras: cameras(facts),
    capabilities: capabilities(facts),
    processors: Object.fromEntries(
      [...directory.processors].map((processor) => [processor.name, processorOf(processor, facts)]),
    ),
    queues,
    ledger:
      ledger === undefined ||
      exact === undefined ||
      conflicts === undefined ||
      asOf === undefined ||
      stale === undefined
        ? null
        : { ...ledger.ledger, exact, conflicts, asOf, stale },
  };
}

function cameras({ directory, activity, brokerNowMs }: OverviewFacts): Overview['cameras'] {
  const rates = activity.framesPerSecond(brokerNowMs);
  const known = new Map<string, Camera>([...directory.cameras].map((camera) => [camera.name, camera]));
  return Object.fromEntries(
    [...new Set([...known.keys(), ...rates.keys()])].sort().map((name) => {
      const camera = known.get(name);
      const source = camera === undefined ? {} : { source: parseCameraUrl(camera.url).type };
      return [name, { ...source, capabilities: camera?.capabilities ?? [], capturedPerSecond: rates.get(name) ?? 0 }];
    }),
  );
}

function capabilities({ directory, activity, queues, brokerNowMs }: OverviewFacts): Overview['capabilities'] {
  const queued = new Map<string, number>();
  for (const { capability, messages } of queues.lanes) queued.set(capability, (queued.get(capability) ?? 0) + messages);
  const names = new Set([
    ...[...directory.cameras].flatMap((camera) => camera.capabilities),
    ...[...directory.processors].flatMap((processor) => processor.capabilities),
    ...queued.keys(),
    ...activity.processed.names(brokerNowMs),
  ]);
  return Object.fromEntries(
    [...names].sort().map((name) => {
      const rate = activity.processed.perSecond(name, brokerNowMs);
      return [name, { processedPerSecond: rate, queued: queued.get(name) ?? 0 }];
    }),
  );
}

function processorOf(
  { name, capabilities: can }: Processor,
  { directory, activity, queues, brokerNowMs }: OverviewFacts,
): Overview['processors'][string] {
  const instances = [...directory.instances].filter(({ kind, name: of }) => kind === 'processor' && of === name);
  const sum = (figure: 'inFlight' | 'queued') =>
    instances.reduce((total, instance: Instance) => total + (instance[figure] ?? 0), 0);
  return {
    capabilities: [...can],
    instances: instances.length,
    inFlight: sum('inFlight'),
    waiting: sum('queued'),
    queued: queues.processors.find(({ processor }) => processor === name)?.messages ?? 0,
    processedPerSecond: activity.processedBy.perSecond(name, brokerNowMs),
  };
}
