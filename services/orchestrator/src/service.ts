/** The orchestrator put together. */
import { BrokerClock, Publisher, SettlementWriter } from '@frame-buffer/jetstream';
import { BUCKET, cameraSchema, endpoint, instanceSchema, processorSchema, STREAM } from '@frame-buffer/protocol';
import {
  brokerReadiness,
  type ConfigOf,
  joinSystem,
  type Membership,
  type RunningService,
  type ServiceContext,
  startMicro,
} from '@frame-buffer/service';
import { routesApi, routesView } from './api.ts';
import type { definition } from './config.ts';
import { startCorrection } from './credit/correction.ts';
import { Credits } from './credit/credits.ts';
import { DeadLetterDesk } from './dispatch/dead-letters.ts';
import { Dispatchers } from './dispatch/dispatchers.ts';
import { FramesStream } from './dispatch/frames-stream.ts';
import { followSettlements } from './feed/settlement-feed.ts';
import { orchestratorMetrics } from './metrics.ts';
import { PlainWork } from './plain/plain-work.ts';
import { Routes } from './routes/routes.ts';

export async function start(context: ServiceContext<ConfigOf<typeof definition>>): Promise<RunningService> {
  const { config, log, metrics, identity, signal } = context;
  const now = () => performance.now();
  const self = config.instance;
  let routes: Routes | undefined;
  const credits = new Credits(self, now);
  const table = () => routes?.table ?? { byCapability: new Map(), byProcessor: new Map(), peers: 1 };

  let membership: Membership | undefined;
  const serving = await context.serveHttp({
    checks: [
      brokerReadiness(() => membership),
      { name: 'routes', check: () => routes !== undefined || 'waiting for the broker and the registry' },
    ],
    routes: (app) => routesApi(app, table, credits),
  });
  const joined = await joinSystem({ natsUrl: config.natsUrl, identity, log, signal });
  membership = joined;
  const { nc, openBucket } = joined;

  const publisher = new Publisher(nc, {
    onTrouble: ({ kind, subject, detail }) => log.debug('publish.trouble', { kind, subject, detail }),
  });
  const settlements = new SettlementWriter({
    publisher,
    writer: self,
    onRefused: (detail) => log.error('settlement.refused', { detail }),
  });
  const clock = new BrokerClock(nc, `$JS.API.STREAM.INFO.${STREAM.frames}`);
  const frames = new FramesStream(nc);
  const plainWork = new PlainWork({ nc, settlements, self, log });

  const [processors, instances, cameras] = await Promise.all([
    openBucket({ bucket: BUCKET.processors, schema: processorSchema }),
    openBucket({ bucket: BUCKET.instances, schema: instanceSchema }),
    openBucket({ bucket: BUCKET.cameras, schema: cameraSchema }),
  ]);
  await Promise.all([clock.start(), frames.start(signal)]);

  const dispatchers = new Dispatchers({
    nc,
    self,
    clock,
    publisher,
    settlements,
    credits,
    routes: table,
    incarnation: () => frames.incarnation,
    plainWork,
    deadLetters: new DeadLetterDesk(publisher, self),
    metrics: orchestratorMetrics(metrics, table, credits),
    log,
    now,
  });
  const following = await Routes.follow({ processors, instances, cameras }, () => {
    dispatchers.serve(following.capabilities());
    dispatchers.place();
  });
  routes = following;
  followSettlements(nc, log, (settlement) => {
    if (credits.settled(settlement)) dispatchers.place();
  });
  const correction = startCorrection({ nc, credits, plainWork, log, onRoom: () => dispatchers.place() });
  dispatchers.serve(following.capabilities());
  frames.followBacklog((capabilities) => dispatchers.serve(capabilities));

  const micro = await startMicro(nc, {
    name: identity.service,
    version: identity.version,
    description: 'Dispatches frames from their lanes to processors with room',
    instance: self,
    log,
    endpoints: [
      {
        name: 'routes',
        subject: endpoint.orchestratorRoutes,
        description: 'Ready processors, their room and load, as this orchestrator sees them',
        handler: () => routesView(table(), credits),
      },
    ],
  });
  await joined.announce(serving);

  return {
    stop: async () => {
      correction.stop();
      await dispatchers.stop();
      await settlements.flush();
      following.stop();
      clock.stop();
      frames.stop();
      await micro.stop();
      publisher.close();
      await joined.leave();
    },
  };
}
