import { decodeSettlement, SequenceSet, STREAM } from '@frame-buffer/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventLog } from './event-log.ts';
import { type Bench, openBench } from './fixtures/bench.ts';
import { Publisher } from './publisher.ts';
import { type SettlementKey, SettlementWriter } from './settlement-writer.ts';

const KEY: SettlementKey = { camera: 'cam1', epoch: 1, capability: 'motion', kind: 'processed', reason: 'handled' };

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
  await bench.stream(STREAM.settlements, { subjects: ['settled.*'] });
  await bench.stream(STREAM.events, { subjects: ['events.*.*'] });
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

async function stored(): Promise<SequenceSet> {
  const union = new SequenceSet();
  for (let sequence = 1; sequence <= (await bench.messages(STREAM.settlements)); sequence++) {
    const message = await bench.jsm.streams.getMessage(STREAM.settlements, { seq: sequence });
    const opened = decodeSettlement(message?.data ?? new Uint8Array());
    if (!opened.ok) throw new Error(opened.detail);
    for (const entry of opened.settlement.entries) union.addAll(entry.sequences);
  }
  return union;
}

test('settlement writer - W1 through a crash of the broker: what resolved is in the stream, in the end everything', async () => {
  const publisher = new Publisher(await bench.connect());
  const writer = new SettlementWriter({ publisher, writer: 'motion-1' });
  const resolved: number[] = [];
  let added = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 10; i++) {
      const sequence = ++added;
      void writer.add(KEY, sequence).then(() => resolved.push(sequence));
    }
  }, 2);
  const resolvedBefore = Promise.withResolvers<void>();
  const check = setInterval(() => resolved.length > 200 && resolvedBefore.resolve(), 5);
  await resolvedBefore.promise;
  clearInterval(check);
  await bench.outage();
  clearInterval(timer);
  await writer.flush();
  const union = await stored();
  expect(resolved.filter((sequence) => !union.has(sequence))).toEqual([]);
  expect(union.size).toBe(added);
  publisher.close();
});

test('event log - writes what happened, and drops what the broker cannot take', async () => {
  const publisher = new Publisher(await bench.connect());
  const events = new EventLog(publisher, 'gateway-1');
  events.record({ kind: 'camera', id: 'cam1', event: 'connected', from: 'connecting', to: 'streaming' });
  await publisher.settled();
  const message = await bench.jsm.streams.getMessage(STREAM.events, { last_by_subj: 'events.camera.cam1' });
  expect(message?.json()).toMatchObject({
    kind: 'camera',
    id: 'cam1',
    by: 'gateway-1',
    event: 'connected',
    to: 'streaming',
  });
  await bench.outage(async () => {
    for (let i = 0; i < 1_500; i++) events.record({ kind: 'camera', id: 'cam1', event: 'stalled' });
    expect(events.dropped).toBe(500);
  });
  await publisher.settled();
  expect(await bench.messages(STREAM.events)).toBe(1_001);
  publisher.close();
});
