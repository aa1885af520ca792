import { setImmediate as turn } from 'node:timers/promises';
import { decodeSettlement, type SettlementEntry } from '@frame-buffer/protocol';
import { afterEach, expect, test, vi } from 'vitest';
import type { PublishOptions, PublishResult } from './publisher.ts';
import { type SettlementKey, SettlementWriter, type SettlementWriterOptions } from './settlement-writer.ts';

const KEY: SettlementKey = { camera: 'cam1', epoch: 1, capability: 'motion', kind: 'processed', reason: 'handled' };
const OK: PublishResult = { ok: true, sequence: 1, duplicate: false };

interface Sent {
  readonly subject: string;
  readonly msgId: string | undefined;
  readonly bytes: number;
  readonly entries: readonly SettlementEntry[];
  answer(result?: PublishResult): void;
}

afterEach(() => {
  vi.useRealTimers();
});

/** A broker in the test's hands: it answers when told. */
function makeWriter(options: Partial<SettlementWriterOptions> = {}) {
  const sent: Sent[] = [];
  const publisher = {
    publish(subject: string, payload: Uint8Array, { msgId }: PublishOptions = {}) {
      const opened = decodeSettlement(payload);
      if (!opened.ok) throw new Error(opened.detail);
      return new Promise<PublishResult>((resolve) => {
        const answer = (result = OK) => resolve(result);
        sent.push({ subject, msgId, bytes: payload.length, entries: opened.settlement.entries, answer });
      });
    },
  };
  return { sent, writer: new SettlementWriter({ publisher, writer: 'motion-1', ...options }) };
}

function track(promise: Promise<void>): { done: boolean } {
  const state = { done: false };
  void promise.then(() => {
    state.done = true;
  });
  return state;
}

test('settlement writer - W1 resolves after the PubAck, not before', async () => {
  const { sent, writer } = makeWriter();
  const settled = track(writer.add(KEY, 1));
  await turn();
  expect(sent).toHaveLength(1);
  expect(sent[0]?.subject).toBe('settled.motion-1');
  expect(settled.done).toBe(false);
  sent[0]?.answer();
  await turn();
  expect(settled.done).toBe(true);
});

test('settlement writer - coalesces what comes in one turn, and while a message is on its way', async () => {
  const { sent, writer } = makeWriter();
  const first = [1, 2, 3, 7].map((sequence) =>
    track(writer.add(KEY, sequence, { serviceMs: 5, redelivered: sequence > 2 })),
  );
  await turn();
  const second = [4, 5].map((sequence) => track(writer.add(KEY, sequence)));
  const other = track(writer.add({ ...KEY, camera: 'cam2' }, 1));
  await turn();
  await turn();
  expect(sent).toHaveLength(1);
  expect(sent[0]?.entries).toHaveLength(1);
  expect(sent[0]?.entries[0]).toMatchObject({ ...KEY, serviceMs: 20, redelivered: 2 });
  expect([...(sent[0]?.entries[0]?.sequences ?? [])]).toEqual([1, 2, 3, 7]);

  sent[0]?.answer();
  await turn();
  await turn();
  expect(first.every(({ done }) => done)).toBe(true);
  expect([...second, other].some(({ done }) => done)).toBe(false);
  expect(sent).toHaveLength(2);
  expect(sent[1]?.entries.map(({ camera, sequences }) => [camera, ...sequences])).toEqual([
    ['cam1', 4, 5],
    ['cam2', 1],
  ]);
  expect(sent[1]?.msgId).not.toBe(sent[0]?.msgId);
  sent[1]?.answer();
  await turn();
  expect([...second, other].every(({ done }) => done)).toBe(true);
});

test('settlement writer - keys that differ in anything are entries of their own', async () => {
  const { sent, writer } = makeWriter();
  const variants: SettlementKey[] = [
    KEY,
    { ...KEY, epoch: 2 },
    { ...KEY, capability: 'ocr' },
    { ...KEY, kind: 'expired', reason: 'deadline' },
    { ...KEY, processor: 'p' },
    { ...KEY, instance: 'p' },
    { ...KEY, dispatcher: 'p' },
    { ...KEY, generation: 1 },
  ];
  for (const key of variants) void writer.add(key, 1);
  await turn();
  expect(sent[0]?.entries).toHaveLength(variants.length);
  expect(sent[0]?.entries).toMatchObject(variants);
});

test('settlement writer - lingers for company, and flush does not', async () => {
  const { sent, writer } = makeWriter({ lingerMs: 60_000 });
  void writer.add(KEY, 1);
  await turn();
  expect(sent).toHaveLength(0);
  const flushed = track(writer.flush());
  expect(sent).toHaveLength(1);
  void writer.add(KEY, 2);
  sent[0]?.answer();
  await turn();
  expect(flushed.done).toBe(true);
  expect(sent).toHaveLength(1);
});

test('settlement writer - sends by itself after lingerMs', async () => {
  const { sent, writer } = makeWriter({ lingerMs: 20 });
  const settled = writer.add(KEY, 1);
  void writer.add(KEY, 2);
  while (sent.length === 0) await turn();
  sent[0]?.answer();
  await settled;
  expect([...(sent[0]?.entries[0]?.sequences ?? [])]).toEqual([1, 2]);
});

test('settlement writer - flush waits for what is on its way and for what came meanwhile', async () => {
  const { sent, writer } = makeWriter();
  await writer.flush();
  void writer.add(KEY, 1);
  await turn();
  void writer.add(KEY, 2);
  const [one, two] = [track(writer.flush()), track(writer.flush())];
  sent[0]?.answer();
  await turn();
  expect(sent).toHaveLength(2);
  expect(one.done || two.done).toBe(false);
  sent[1]?.answer();
  await turn();
  expect(one.done && two.done).toBe(true);
});

test('settlement writer - W1 refused: reported, tried again under the same id, and nobody acknowledges meanwhile', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const refused: string[] = [];
  const { sent, writer } = makeWriter({ onRefused: (detail) => refused.push(detail) });
  const settled = track(writer.add(KEY, 1));
  await turn();
  sent[0]?.answer({ ok: false, reason: 'stream_full', detail: 'no space' });
  await turn();
  expect(refused).toEqual(['no space']);
  expect(settled.done).toBe(false);
  vi.advanceTimersByTime(1_000);
  await turn();
  expect(sent.map(({ msgId }) => msgId)).toEqual([sent[0]?.msgId, sent[0]?.msgId]);
  sent[1]?.answer();
  await turn();
  expect(settled.done).toBe(true);
});

test('settlement writer - W1 closed: what waits stays open for ever', async () => {
  const { sent, writer } = makeWriter();
  const settled = track(writer.add(KEY, 1));
  await turn();
  sent[0]?.answer({ ok: false, reason: 'closed', detail: 'closed' });
  await writer.flush();
  expect(settled.done).toBe(false);
});

test('settlement writer - W3 an outage of any length takes memory by keys, not by frames', async () => {
  const { sent, writer } = makeWriter();
  void writer.add(KEY, 0);
  await turn();
  for (let sequence = 1; sequence <= 100_000; sequence++)
    void writer.add({ ...KEY, camera: `cam${sequence % 10}` }, Math.ceil(sequence / 10));
  sent[0]?.answer();
  await turn();
  await turn();
  expect(sent[1]?.entries).toHaveLength(10);
  expect(sent[1]?.bytes).toBeLessThan(1_000);
  expect(sent[1]?.entries.map(({ sequences }) => sequences.size)).toEqual(Array(10).fill(10_000));
});

test('settlement writer - many keys are cut into messages that any broker takes, settled together', async () => {
  const { sent, writer } = makeWriter();
  const all = Array.from({ length: 20_000 }, (_, i) =>
    writer.add({ ...KEY, camera: `camera-with-a-long-name-${i}` }, i),
  );
  const settled = track(all[0] ?? Promise.resolve());
  await turn();
  expect(sent.length).toBeGreaterThan(1);
  for (const { bytes } of sent) expect(bytes).toBeLessThanOrEqual(256 * 1024);
  expect(sent.reduce((sum, { entries }) => sum + entries.length, 0)).toBe(20_000);
  expect(new Set(sent.map(({ msgId }) => msgId)).size).toBe(sent.length);
  for (const { answer } of sent.slice(1)) answer();
  await turn();
  expect(settled.done).toBe(false);
  sent[0]?.answer();
  await Promise.all(all);
});
