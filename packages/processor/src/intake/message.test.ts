import type { Delivery } from '@frame-buffer/jetstream';
import { expect, test } from 'vitest';
import { MessageInHand } from './message.ts';

function delivery(said: string[], name = '') {
  return {
    subject: 'work.a.normal',
    streamSequence: 7,
    stampedAtMs: 1.5,
    deliveries: 1,
    ack: () => void said.push(`ack${name}`),
    nak: (ms: number) => void said.push(`nak${name} ${ms}`),
    working: () => void said.push(`working${name}`),
  } as unknown as Delivery;
}

test('M1 acknowledged with the last settlement, not before', () => {
  const said: string[] = [];
  const message = new MessageInHand(delivery(said), 2, (_message, answer) => said.push(answer));
  message.settled();
  expect(said).toEqual([]);
  message.settled();
  expect(said).toEqual(['ack', 'acked']);
});

test('M2 what comes after it was given back changes nothing', () => {
  const said: string[] = [];
  const message = new MessageInHand(delivery(said), 1, (_message, answer) => said.push(answer));
  message.giveBack(5);
  message.settled();
  message.giveBack();
  expect(said).toEqual(['nak 5', 'givenBack']);
});

test('M3 the answer goes to the latest delivery', () => {
  const said: string[] = [];
  const message = new MessageInHand(delivery(said, '1'), 1, () => {});
  message.adopt(delivery(said, '2'));
  message.working();
  message.settled();
  expect(said).toEqual(['working2', 'ack2']);
});
