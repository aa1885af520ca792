/** What ordered partitions rest on: fences, consumers by epoch, confirmed acks. */
import {
  fenceHeaders,
  fenceSubject,
  partitionDurable,
  processorSchema,
  STREAM,
  streamDefinitions,
  subject,
} from '@frame-buffer/protocol';
import { startTestBroker, type TestBroker, until } from '@frame-buffer/testkit';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Delivery } from './delivery.ts';
import { Publisher } from './publisher.ts';
import { PullLoop } from './pull-loop.ts';
import { Topology } from './topology.ts';

const processor = processorSchema.parse({ name: 'track', capabilities: ['track'], ackWaitMs: 1_000 });
let broker: TestBroker;
let nc: NatsConnection;
let topology: Topology;
let publisher: Publisher;

beforeAll(async () => {
  broker = await startTestBroker();
  nc = await broker.connect({ name: 'test' });
  topology = await Topology.open(nc);
  for (const definition of streamDefinitions()) await topology.ensureStream(definition);
  publisher = new Publisher(nc);
});

afterAll(async () => {
  publisher.close();
  await broker[Symbol.asyncDispose]();
});

function collect(durableName: string, want = 10): { loop: PullLoop; deliveries: Delivery[] } {
  const deliveries: Delivery[] = [];
  const onMessage = (delivery: Delivery) => void deliveries.push(delivery);
  return {
    deliveries,
    loop: new PullLoop({
      nc,
      stream: STREAM.work,
      durable: durableName,
      want: () => want - deliveries.length,
      onMessage,
    }),
  };
}

test('a fence - behind a newer one nothing is accepted, whatever its subject or id', async () => {
  const fence = fenceSubject.settlements('track', 3);
  const first = await publisher.publish(fence, Buffer.from('1'));
  if (!first.ok) throw new Error(first.detail);
  const behindFirst = { headers: fenceHeaders(fence, first.sequence) };
  const to = subject.settled('track-1');
  const stored = await Promise.all(
    ['a', 'b', 'c'].map((msgId) => publisher.publish(to, Buffer.from('x'), { ...behindFirst, msgId })),
  );
  expect(stored).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
  expect(await publisher.publish(to, Buffer.from('x'), { ...behindFirst, msgId: 'a' })).toMatchObject({
    duplicate: true,
  });
  const second = await publisher.publish(fence, Buffer.from('2'));
  if (!second.ok) throw new Error(second.detail);
  for (const msgId of ['a', 'new'])
    expect(await publisher.publish(to, Buffer.from('x'), { ...behindFirst, msgId })).toMatchObject({
      ok: false,
      reason: 'wrong_sequence',
    });
  expect(
    await publisher.publish(to, Buffer.from('x'), { headers: fenceHeaders(fence, second.sequence) }),
  ).toMatchObject({ ok: true });
});

test('an epoch - the next owner gets what the former had in hand; the former learns that its consumer is gone', async () => {
  await topology.ensurePartition(processor, 3, 1);
  for (const text of ['1', '2', '3']) await publisher.publish(subject.work('track', 'p3'), Buffer.from(text));
  const former = collect(partitionDurable('track', 3, 1));
  await until(() => former.deliveries.length, { what: 'one message', is: (count) => count === 1 });
  expect(await topology.deliveryState(partitionDurable('track', 3, 1))).toEqual({ inHand: 1, delivered: 1 });
  await expect(topology.ensurePartition(processor, 3, 2)).rejects.toMatchObject({ code: 10100 });

  expect(await topology.partitionConsumers('track')).toEqual(['track_p3_e1']);
  expect(await topology.deleteWorkConsumer(partitionDurable('track', 3, 1))).toBe(true);
  expect(await topology.deleteWorkConsumer(partitionDurable('track', 3, 1))).toBe(false);
  await topology.ensurePartition(processor, 3, 2);
  const next = collect(partitionDurable('track', 3, 2));
  const texts: string[] = [];
  const work = async () => {
    await until(() => next.deliveries.length > texts.length, { what: 'the next message' });
    const delivery = next.deliveries[texts.length] as Delivery;
    texts.push(Buffer.from(delivery.data).toString());
    return delivery;
  };
  const first = await work();
  expect(await former.deliveries[0]?.confirmedWorking(nc, AbortSignal.timeout(5_000))).toBe('gone');
  expect(await first.confirmedWorking(nc, AbortSignal.timeout(5_000))).toBe('done');
  expect(await former.deliveries[0]?.confirmedAck(nc)).toBe('gone');
  expect(await first.confirmedAck(nc)).toBe('done');
  for (const _ of ['2', '3']) expect(await (await work()).confirmedAck(nc)).toBe('done');
  expect(texts).toEqual(['1', '2', '3']);
  expect(await topology.deliveryState(partitionDurable('track', 3, 2))).toEqual({ inHand: 0, delivered: 3 });
  expect(await topology.deliveryState(partitionDurable('track', 3, 1))).toBeUndefined();
  await Promise.all([former.loop.stop(), next.loop.stop()]);
});

test('a lane of a partition - one message at a time, for all orchestrators together', async () => {
  await topology.ensureLane('track', 'p3');
  const { jetstreamManager } = await import('@nats-io/jetstream');
  const { config } = await (await jetstreamManager(nc)).consumers.info(STREAM.frames, 'track_p3');
  expect(config).toMatchObject({ max_ack_pending: 1, filter_subject: 'frames.track.p3' });
});
