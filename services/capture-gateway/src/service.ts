/** The capture-gateway put together. */

import type { JsonBucket } from '@frame-buffer/jetstream';
import { connect, EventLog, leaseSchema, Mirror, Publisher, SettlementWriter } from '@frame-buffer/jetstream';
import {
  BUCKET,
  type Camera,
  cameraSchema,
  DEFAULT_POLICY,
  endpoint,
  partitionsOf,
  policyRecordSchema,
} from '@frame-buffer/protocol';
import {
  brokerReadiness,
  type ConfigOf,
  joinSystem,
  type Membership,
  ProblemError,
  type RunningService,
  type ServiceContext,
  startMicro,
} from '@frame-buffer/service';
import { cameraRoutes, cameraView } from './api/cameras.ts';
import { frameRoutes } from './api/frames.ts';
import { Cameras } from './cameras/cameras.ts';
import type { definition } from './config.ts';
import { Books, LINGER_MS } from './frames/books.ts';
import { FrameIntake } from './frames/frame-intake.ts';
import { LaneWriters } from './frames/lane-writer.ts';
import { gatewayMetrics } from './metrics.ts';
import { transitionTeller } from './transitions.ts';

/** What is left for giving up, entering it in the books and closing, when a stop has run out of time. */
const ABANDON_MS = 1_500;

export async function start(context: ServiceContext<ConfigOf<typeof definition>>): Promise<RunningService> {
  const { config, log, metrics, identity, signal } = context;
  let cameras: Cameras | undefined;
  let records: JsonBucket<Camera> | undefined;

  let membership: Membership | undefined;
  const serving = await context.serveHttp({
    checks: [
      brokerReadiness(() => membership),
      { name: 'cameras', check: () => cameras !== undefined || 'waiting for the broker and the registry' },
    ],
    routes: (app) => {
      cameraRoutes(app, { cameras: () => present(cameras), records: () => present(records) });
      frameRoutes(app, { cameras: () => present(cameras), maxPushBytes: config.maxPushBytes });
    },
  });
  const joined = await joinSystem({ natsUrl: config.natsUrl, identity, log, signal });
  membership = joined;
  const { nc, openBucket } = joined;
  // Pictures have a connection of their own: a big message must not hold up the small ones behind it.
  const pixelConnection = await connect({ servers: config.natsUrl, name: `${config.instance}-pixels`.slice(0, 63) });

  const onTrouble = ({ kind, subject, detail }: { kind: string; subject: string; detail: string }) =>
    log.debug('publish.trouble', { kind, subject, detail });
  const publisher = new Publisher(nc, { onTrouble });
  const pixels = new Publisher(pixelConnection, { onTrouble });
  const settlements = new SettlementWriter({
    publisher,
    writer: config.instance,
    lingerMs: LINGER_MS,
    onRefused: (detail) => log.error('settlement.refused', { detail }),
  });
  const books = new Books(settlements, metrics);
  const policies = await Mirror.of(await openBucket({ bucket: BUCKET.capabilities, schema: policyRecordSchema }));
  const lanes = new LaneWriters({
    publisher,
    books,
    nextId: idMaker(config.instance),
    log,
    partitions: (capability) => partitionsOf(policies.get(capability)),
  });
  const intake = new FrameIntake({
    pixels,
    lanes,
    books,
    maxFrames: config.bufferFrames,
    maxBytes: config.bufferBytes,
    maxAgeMs: (capability) => (policies.get(capability) ?? DEFAULT_POLICY).maxAgeMs,
    log,
  });

  records = await openBucket({ bucket: BUCKET.cameras, schema: cameraSchema });
  const following = await Cameras.follow({
    records,
    leases: await openBucket({ bucket: BUCKET.leases, schema: leaseSchema }),
    self: config.instance,
    log,
    host: {
      ffmpeg: config.ffmpeg,
      offer: (frame) => intake.offer(frame),
      onTransition: transitionTeller(log, new EventLog(publisher, config.instance), metrics),
    },
  });
  cameras = following;
  gatewayMetrics(metrics, { intake, lanes, cameras: following });

  const micro = await startMicro(nc, {
    name: identity.service,
    version: identity.version,
    description: 'Owns cameras; publishes pixels and frames',
    instance: config.instance,
    log,
    endpoints: [
      {
        name: 'cameras',
        subject: endpoint.listCameras,
        description: 'All cameras of the site, with the state of those that this gateway captures',
        handler: () => ({ cameras: [...following.all()].map(cameraView) }),
      },
    ],
  });
  await joined.announce(serving);

  return {
    stop: async () => {
      await following.stop();
      await drained(() => intake.buffered + lanes.pending, config.shutdownMs - ABANDON_MS);
      const abandoned = intake.abandon() + lanes.abandon();
      if (abandoned > 0) log.error('frames.abandoned', { abandoned, reason: 'shutdown' });
      await Promise.race([books.flush(), wait(ABANDON_MS / 2)]);
      policies.stop();
      await micro.stop();
      publisher.close();
      pixels.close();
      await pixelConnection.close();
      await joined.leave();
    },
  };
}

function present<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new ProblemError(503, 'starting', 'The gateway waits for the broker and the registry; try again in a moment');
}

/** Ids of this process's messages, unlike those of any other process, also of an earlier one of the same name. */
function idMaker(instance: string): () => string {
  const run = crypto.randomUUID().slice(0, 8);
  let count = 0;
  return () => `${instance}.${run}.${(count++).toString(36)}`;
}

/** Waits until nothing is left, or the time is up. */
async function drained(left: () => number, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (left() > 0 && performance.now() < deadline) await wait(10);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
