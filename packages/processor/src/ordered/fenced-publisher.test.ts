import type { PublishOptions, PublishResult } from '@frame-buffer/jetstream';
import { expect, test, vi } from 'vitest';
import { FencedPublisher } from './fenced-publisher.ts';

const STORED: PublishResult = { ok: true, sequence: 1, duplicate: false };

function setUp() {
  const sent: { options: PublishOptions | undefined; answer: (result: PublishResult) => void }[] = [];
  const onFenced = vi.fn();
  const onRefused = vi.fn();
  const fenced = new FencedPublisher({
    publisher: {
      publish: (_subject, _payload, options) => new Promise((resolve) => sent.push({ options, answer: resolve })),
    },
    fence: { subject: 'settled.track_p3', sequence: 41 },
    onFenced,
    onRefused,
  });
  const publish = () => fenced.publish('settled.a', Buffer.from('x'), { msgId: 'id' });
  return { sent, onFenced, onRefused, fenced, publish };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('every message names the fence, and one is on its way at a time', async () => {
  const { sent, publish } = setUp();
  const all = Promise.all([publish(), publish()]);
  await turn();
  expect(sent).toHaveLength(1);
  expect(sent[0]?.options).toEqual({
    msgId: 'id',
    headers: {
      'Nats-Expected-Last-Subject-Sequence': '41',
      'Nats-Expected-Last-Subject-Sequence-Subject': 'settled.track_p3',
    },
  });
  sent[0]?.answer(STORED);
  await turn();
  expect(sent).toHaveLength(2);
  sent[1]?.answer(STORED);
  expect(await all).toEqual([STORED, STORED]);
});

test('F2 - the first refusal is told once, and nothing is sent afterwards', async () => {
  const { sent, publish, onFenced } = setUp();
  const all = Promise.all([publish(), publish(), publish()]);
  await turn();
  sent[0]?.answer({ ok: false, reason: 'wrong_sequence', detail: 'wrong last sequence: 50' });
  expect((await all).map((result) => !result.ok && result.reason)).toEqual(new Array(3).fill('wrong_sequence'));
  expect(sent).toHaveLength(1);
  expect(onFenced).toHaveBeenCalledOnce();
});

test('F3 - any other refusal is tried again, until it is closed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const { sent, publish, fenced, onRefused } = setUp();
  const published = publish();
  await turn();
  sent[0]?.answer({ ok: false, reason: 'stream_full', detail: 'maximum bytes exceeded' });
  await turn();
  vi.advanceTimersByTime(1_000);
  await turn();
  expect(sent).toHaveLength(2);
  expect(onRefused).toHaveBeenCalledWith('settled.a', 'maximum bytes exceeded');
  sent[1]?.answer({ ok: false, reason: 'refused', detail: 'no' });
  fenced.close();
  await turn();
  vi.advanceTimersByTime(1_000);
  expect(await published).toMatchObject({ ok: false, reason: 'closed' });
  vi.useRealTimers();
});
