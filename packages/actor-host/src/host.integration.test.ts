/** Two hosts and a real bucket: one actor, never two. */
import { EventLog, JsonBucket, Publisher, Topology } from '@frame-buffer/jetstream';
import { BUCKET, bucketDefinitions, streamDefinitions } from '@frame-buffer/protocol';
import { silentLogger } from '@frame-buffer/telemetry';
import { startTestBroker, until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { hostActor } from './host.ts';
import { ACTOR_SCHEMA } from './keeper.ts';
import { lampMachine } from './lamp.fixture.ts';

test('the second host takes over, the first one stops; a value that is no JSON is nobody’s; an outage is waited for', async () => {
  await using broker = await startTestBroker();
  const nc = await broker.connect({ maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const topology = await Topology.open(nc);
  for (const definition of bucketDefinitions) await topology.ensureBucket(definition);
  for (const definition of streamDefinitions()) await topology.ensureStream(definition);
  const snapshots = await JsonBucket.open({ nc, bucket: BUCKET.actors, schema: ACTOR_SCHEMA });
  const publisher = new Publisher(nc);
  const lit: string[] = [];
  const host = (by: string) =>
    hostActor({
      machine: lampMachine,
      kind: 'lamp',
      id: 'l',
      input: {},
      ports: { light: () => void lit.push(by), darken: () => {} },
      events: new EventLog(publisher, by),
      log: silentLogger,
      by,
      snapshots,
    });
  nc.publish(`$KV.${BUCKET.actors}.lamp.l`, 'no JSON');
  await nc.flush();
  const one = await host('one');
  one.send({ type: 'press' });
  await one.settled();
  const two = await host('two');
  expect(two).toMatchObject({ state: 'on', isRestored: true });
  one.send({ type: 'break' });
  await one.settled();
  expect(one.isEnded).toBe(true);
  expect((await snapshots.get('lamp.l'))?.value).toMatchObject({ state: 'on', by: 'two' });

  broker.kill('SIGKILL');
  two.send({ type: 'press' });
  two.send({ type: 'press' });
  expect(lit).toEqual(['one']);
  await broker.restart();
  await two.settled();
  expect(lit).toEqual(['one', 'two']);

  const jsm = await jetstreamManager(nc);
  await until(() => jsm.streams.info('EVENTS'), { what: 'the audit log', is: ({ state }) => state.messages >= 5 });
  const told: string[] = [];
  for (let seq = 1; seq <= 5; seq++) {
    const event = (await jsm.streams.getMessage('EVENTS', { seq }))?.json<{ by: string; event: string; to?: string }>();
    told.push(`${event?.by} ${event?.event} ${event?.to ?? ''}`.trim());
  }
  expect(told).toEqual([
    'one lamp.changed off',
    'one lamp.changed on',
    'one actor.superseded',
    'two lamp.changed off',
    'two lamp.changed on',
  ]);
  await two.stop();
  publisher.close();
});
