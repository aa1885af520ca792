/**
 * A processor dies with all its instances while its queue is full: it is lost within seconds, what was queued for it goes to
 * another processor of the same capability, and every task has one outcome. An outage of the broker loses no processor.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { AuditEvent } from '@frame-buffer/protocol';
import { makeJpeg, makeTestFolder, until } from '@frame-buffer/testkit';
import { jetstream } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { Site } from './site.ts';

const FRAMES = 900;
const PUSHERS = 8;
const OUTAGE_MS = 20_000;

interface Processors {
  readonly processors: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly lifecycle?: { readonly state: string; readonly since: string; readonly cause: string };
  }[];
}

const stateOf = async (site: Site, name: string) =>
  (await site.get<Processors>('registry', '/api/v1/processors')).processors.find((one) => one.name === name)?.lifecycle
    ?.state;

/** Everything that the audit log has of one processor, as it comes. */
async function followEvents(site: Site, name: string): Promise<(AuditEvent & { readonly heardAt: number })[]> {
  const seen: (AuditEvent & { heardAt: number })[] = [];
  const nc = await site.broker.connect();
  nc.subscribe(`events.processor.${name}`, {
    callback: (_error, message) => {
      seen.push({ ...message.json<AuditEvent>(), heardAt: performance.now() });
    },
  });
  await nc.flush();
  return seen;
}

test('a processor that is killed under load is lost, and its queue is worked by another', async () => {
  await using folder = await makeTestFolder('lost');
  const files = { doomed: join(folder.path, 'doomed.log'), heir: join(folder.path, 'heir.log') };
  for (const file of Object.values(files)) writeFileSync(file, '');
  await using site = await Site.start([
    'registry',
    'registry',
    'health-monitor',
    'orchestrator',
    'orchestrator',
    'capture-gateway',
  ]);
  const entry = join(import.meta.dirname, 'recording-processor.ts');
  const recorder = (name: keyof typeof files) =>
    site.spawnEntry(name, entry, { RECORD_FILE: files[name], RECORD_NAME: name, RECORD_MS: '40' });
  const doomed = await Promise.all([recorder('doomed'), recorder('doomed')]);
  await recorder('heir');
  await site.addCamera('gate', { url: 'push:', capabilities: ['record'] });
  await until(() => site.camera('gate'), { what: 'the camera to be owned', is: ({ state }) => state === 'streaming' });
  for (const name of ['doomed', 'heir']) {
    await until(() => stateOf(site, name), { what: `${name} to be ready`, is: (state) => state === 'ready' });
  }
  const events = await followEvents(site, 'doomed');

  const jpeg = await makeJpeg({ width: 160, height: 120 });
  const acknowledged = new Set<string>();
  let sent = 0;
  const pusher = async () => {
    while (sent < FRAMES) {
      sent += 1;
      const answer = await site.push('gate', jpeg);
      if (answer.status === 201) acknowledged.add(((await answer.json()) as { frame: string }).frame);
    }
  };
  const pushing = Promise.all(Array.from({ length: PUSHERS }, pusher));
  const lines = (name: keyof typeof files) => readFileSync(files[name], 'utf8').split('\n').filter(Boolean);
  await until(() => lines('doomed').length, {
    what: 'work to be under way',
    is: (count) => count > 40,
    timeoutMs: 20_000,
  });

  for (const instance of doomed) instance.kill('SIGKILL');
  const killedAt = performance.now();
  const lost = await until(() => events.find(({ to }) => to === 'lost'), { what: 'it to be lost', timeoutMs: 15_000 });
  const returned = await until(() => events.find(({ event }) => event === 'queue.returned'), {
    what: 'its queue to be returned',
    timeoutMs: 15_000,
  });
  const [detectS, returnS] = [(lost?.heardAt ?? 0) - killedAt, (returned?.heardAt ?? 0) - (lost?.heardAt ?? 0)].map(
    (ms) => ms / 1000,
  );
  await pushing;
  expect(acknowledged.size).toBe(FRAMES);

  const { ledger, reasons } = await site.settled(60_000);
  console.log(
    `lost after ${detectS?.toFixed(2)} s, returned ${returnS?.toFixed(2)} s later: ${returned?.cause}`,
    ledger,
    reasons,
  );
  expect(detectS).toBeLessThanOrEqual(3.5);
  expect(returnS).toBeLessThanOrEqual(5);
  expect(returned?.cause).not.toContain(': 0 tasks');
  const handled = new Set([...lines('doomed'), ...lines('heir')]);
  expect([...acknowledged].filter((frame) => !handled.has(frame))).toEqual([]);
  expect(ledger).toMatchObject({
    captured: FRAMES,
    processed: FRAMES,
    expired: 0,
    dead_lettered: 0,
    shed: 0,
    unaccounted: 0,
  });
  expect(reasons).toEqual({ 'processed/handled': FRAMES });
  const repeats = lines('doomed').length + lines('heir').length - handled.size;
  expect(repeats).toBeLessThanOrEqual(ledger.redelivered);
  expect(await stateOf(site, 'doomed')).toBe('lost');

  // It comes back as if nothing had been.
  await recorder('doomed');
  await until(() => stateOf(site, 'doomed'), {
    what: 'it to live again',
    is: (state) => state === 'ready',
    timeoutMs: 15_000,
  });
  const before = lines('doomed').length;
  const more = await Promise.all(Array.from({ length: 40 }, () => site.push('gate', jpeg)));
  expect(more.map(({ status }) => status)).toEqual(more.map(() => 201));
  await until(() => lines('doomed').length, { what: 'it to work again', is: (count) => count > before });
  expect((await site.settled()).ledger).toMatchObject({ processed: FRAMES + 40, unaccounted: 0 });
});

test('an outage of the broker of 20 s, in which all heartbeats are late, loses no processor', async () => {
  await using folder = await makeTestFolder('outage');
  const file = join(folder.path, 'handled.log');
  writeFileSync(file, '');
  await using site = await Site.start(['registry', 'registry', 'orchestrator', 'capture-gateway', 'health-monitor']);
  const entry = join(import.meta.dirname, 'recording-processor.ts');
  for (const name of ['one', 'two']) await site.spawnEntry(name, entry, { RECORD_FILE: file, RECORD_NAME: name });
  for (const name of ['one', 'two'])
    await until(() => stateOf(site, name), { what: `${name} to be ready`, is: (state) => state === 'ready' });

  site.broker.kill('SIGKILL');
  await wait(OUTAGE_MS);
  await site.broker.restart();
  const nc = await site.broker.connect();
  const back = performance.now();
  for (const service of ['registry', 'orchestrator'])
    await until(() => fetch(site.url(service, '/ready')), {
      what: `${service} to be ready`,
      is: ({ ok }) => ok,
      timeoutMs: 20_000,
    });
  // Longer than the grace period and what follows it: whoever would be lost is lost by then.
  await wait(10_000 - (performance.now() - back));

  const consumer = await jetstream(nc).consumers.get('EVENTS', { filter_subjects: ['events.processor.*'] });
  const changes: string[] = [];
  const { num_pending: pending } = await consumer.info();
  for await (const message of await consumer.fetch({ max_messages: pending, expires: 2_000 })) {
    const { id, to = '', event } = message.json<AuditEvent>();
    changes.push(`${id} ${to || event}`);
    if (message.info.pending === 0) break;
  }
  expect(changes).toContain('one ready');
  expect(changes.filter((change) => /lost|suspect|returned/.test(change))).toEqual([]);
  for (const name of ['one', 'two']) expect(await stateOf(site, name)).toBe('ready');

  await site.addCamera('gate', { url: 'push:', capabilities: ['record'] });
  await until(() => site.camera('gate'), {
    what: 'the camera to be owned',
    is: ({ state }) => state === 'streaming',
    timeoutMs: 10_000,
  });
  expect((await site.push('gate', await makeJpeg({ width: 160, height: 120 }))).status).toBe(201);
  await until(() => readFileSync(file, 'utf8'), { what: 'work after the outage' });
});
