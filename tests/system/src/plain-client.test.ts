/**
 * A processor with nothing of ours: one HTTP request to register, then only a NATS client. It pulls, reads headers, gets the
 * picture, publishes a result and acknowledges; the books balance, also when the orchestrator that sent the work is killed.
 */
import { makeJpeg, until } from '@frame-buffer/testkit';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { describe, expect, test } from 'vitest';
import { Site } from './site.ts';

describe('plain NATS client', () => {
  test('registers, pulls, fetches pixels and acknowledges; every frame is processed/acked', async () => {
    await using site = await Site.start([
      'registry',
      'health-monitor',
      'orchestrator',
      'orchestrator',
      'capture-gateway',
    ]);
    await register(site);
    await site.addCamera('gate', { url: 'push:', capabilities: ['look'] });
    await until(() => site.camera('gate'), { what: 'the camera', is: ({ state }) => state === 'streaming' });
    const jpeg = Buffer.from(await makeJpeg({ width: 320, height: 240 }));

    const nc = await site.broker.connect();
    const frames = new Set<string>();
    const pictures = new Set<number>();
    await pull(nc, async (message) => {
      const picture = await nc.request(
        '$JS.API.DIRECT.GET.PIXELS',
        JSON.stringify({ seq: Number(message.headers?.get('Fb-Pixels')) }),
      );
      pictures.add(Buffer.compare(picture.data, jpeg));
      nc.publish(`results.plain.${message.headers?.get('Fb-Camera')}`, '{"seen":true}');
      message.respond('+ACK');
      frames.add(message.headers?.get('Fb-Frame') ?? '');
      // Half way, the orchestrator that sent much of it dies: its successor and the health-monitor finish the books.
      if (frames.size === 20) site.process('orchestrator').kill('SIGKILL');
    });
    const acknowledged = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const answer = await site.push('gate', jpeg);
      expect(answer.status).toBe(201);
      acknowledged.add(((await answer.json()) as { frame: string }).frame);
    }
    await until(() => frames.size, { what: 'every frame', is: (size) => size >= 60, timeoutMs: 30_000 });
    expect(frames).toEqual(acknowledged);
    expect(pictures).toEqual(new Set([0]));
    const { ledger, reasons } = await until(() => site.ledger(), {
      what: 'balanced books',
      is: (books) => books.ledger.processed === 60 && books.ledger.in_flight === 0,
      timeoutMs: 30_000,
    });
    expect(ledger).toMatchObject({ captured: 60, unaccounted: 0 });
    expect(reasons).toEqual({ 'processed/acked': 60 });
  });
});

async function register(site: Site): Promise<void> {
  const answer = await fetch(site.url('registry', '/api/v1/processors'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'plain', capabilities: ['look'], concurrency: 4 }),
  });
  expect(answer.status).toBe(201);
}

/** Asks for one message at a time, as a shell script would. */
async function pull(nc: NatsConnection, onMessage: (message: Msg) => Promise<void>): Promise<void> {
  const inbox = 'plain.inbox';
  const ask = () =>
    nc.publish('$JS.API.CONSUMER.MSG.NEXT.WORK.plain', '{"batch":1,"expires":60000000000}', { reply: inbox });
  nc.subscribe(inbox, {
    callback: (_error, message) => {
      if (message.subject === inbox) return;
      void onMessage(message).then(ask);
    },
  });
  await nc.flush();
  ask();
}
