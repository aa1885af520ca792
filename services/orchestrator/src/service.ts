/** The orchestrator put together. */
import { BrokerClock, EventLog, JsonBucket, Publisher, SettlementWriter } from '@frame-buffer/jetstream';
import {
  actorRecordSchema,
  BUCKET,
  cameraSchema,
  endpoint,
  instanceSchema,
  policyRecordSchema,
  processorSchema,
  STREAM,
} from '@frame-buffer/protocol';
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
import { type BreakerControl, breakerEndpoints, breakersApi } from './breakers/api.ts';
import { breakerMetrics } from './breakers/metrics.ts';
import { Resets } from './breakers/resets.ts';
import { RouteBreakers } from './breakers/route-breakers.ts';
import type { definition } from './config.ts';
import { startCorrection } from './credit/correction.ts';
import { Credits } from './credit/credits.ts';
import type { DispatchContext } from './dispatch/context.ts';
import { DeadLetterDesk } from './dispatch/dead-letters.ts';
import { Dispatchers } from './dispatch/dispatchers.ts';
import { FramesStream } from './dispatch/frames-stream.ts';
import { followSettlements } from './feed/settlement-feed.ts';
import { orchestratorMetrics } from './metrics.ts';
import { OrderedLanes } from './ordered/ordered-lanes.ts';
import { PlainWork } from './plain/plain-work.ts';
import { Policies } from './policies/policies.ts';
import { EMPTY_ROUTES } from './routes/route-table.ts';
import { Routes } from './routes/routes.ts';
import { StepAudit } from './routes/step-audit.ts';

export async function start(context: ServiceContext<ConfigOf<typeof definition>>): Promise<RunningService> {
  const { config, log, metrics, identity, signal } = context;
  const now = () => performance.now();
  const self = config.instance;
  let routes: Routes | undefined;
  const credits = new Credits(self, now);
  const table = () => routes?.table ?? EMPTY_ROUTES;
  let breakers: RouteBreakers | undefined;
  let breakerControl: BreakerControl | undefined;

  let membership: Membership | undefined;
  const serving = await context.serveHttp({
    checks: [
      brokerReadiness(() => membership),
      { name: 'routes', check: () => routes !== undefined || 'waiting for the broker and the registry' },
    ],
    routes: (app) => {
      routesApi(app, () => routesView(table(), credits, breakers));
      breakersApi(app, () => breakerControl);
    },
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

  const [processors, instances, cameras, actors] = await Promise.all([
    openBucket({ bucket: BUCKET.processors, schema: processorSchema }),
    openBucket({ bucket: BUCKET.instances, schema: instanceSchema }),
    openBucket({ bucket: BUCKET.cameras, schema: cameraSchema }),
    openBucket({ bucket: BUCKET.actors, schema: actorRecordSchema }),
  ]);
  const events = new EventLog(publisher, self);
  const policyBucket = { bucket: BUCKET.capabilities, schema: policyRecordSchema };
  // Waits until it is there; opened again with an ear of our own for what cannot be read.
  await openBucket(policyBucket);
  const policies = await Policies.follow({
    open: (onInvalid) => JsonBucket.open({ ...policyBucket, nc, onInvalid }),
    events,
    log,
  });
  await Promise.all([clock.start(), frames.start(signal)]);

  const dispatching: DispatchContext = {
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
    steps: new StepAudit(events),
    log,
    now,
  };
  const dispatchers = new Dispatchers(dispatching);
  const ordered = new OrderedLanes(dispatching);
  const place = () => {
    dispatchers.place();
    ordered.place();
  };
  const following = await Routes.follow({ processors, instances, cameras, actors, policies, credits }, () => {
    breakers?.follow();
    dispatchers.serve(following.capabilities());
    ordered.serve();
    place();
  });
  routes = following;
  const routeBreakers = new RouteBreakers({
    settings: {
      failuresToOpen: config.breakerFailures,
      recoveryMs: config.breakerRecoveryMs,
      trialCalls: config.breakerTrialCalls,
      successesToClose: config.breakerSuccesses,
      trialMs: config.breakerTrialMs,
    },
    routes: following,
    credits,
    events,
    log,
    metrics: breakerMetrics(metrics, () => routeBreakers.states()),
    self,
    now,
  });
  breakers = routeBreakers;
  const control = { breakers: routeBreakers, resets: new Resets({ nc, breakers: routeBreakers, events, log, self }) };
  breakerControl = control;
  ordered.serve();
  followSettlements(nc, log, (settlement) => {
    plainWork.returned(settlement);
    ordered.settled(settlement);
    // Before the room that it gives is used.
    routeBreakers.settled(settlement);
    if (credits.settled(settlement)) place();
  });
  const correction = startCorrection({ nc, credits, plainWork, log, onRoom: place });
  dispatchers.serve(following.capabilities());
  frames.followBacklog((capabilities, lanes) => {
    dispatchers.serve(capabilities);
    ordered.serveBacklog(lanes);
  });

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
        handler: () => routesView(table(), credits, breakers),
      },
      ...breakerEndpoints(control),
    ],
  });
  await joined.announce(serving);

  return {
    stop: async () => {
      correction.stop();
      await Promise.all([dispatchers.stop(), ordered.stop()]);
      await routeBreakers.stop();
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
