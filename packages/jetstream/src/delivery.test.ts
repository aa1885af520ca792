import type { Msg } from '@nats-io/nats-core';
import { expect, test } from 'vitest';
import { parseAckSubject } from './ack-subject.ts';
import { Delivery } from './delivery.ts';

const V1 = '$JS.ACK.FRAMES.motion_normal.3.4711.99.1795342657931022562.12';
const V2 = '$JS.ACK.hub.2Xk9aB.FRAMES.motion_normal.3.4711.99.1795342657931022562.12';

function deliver(reply = V1): { delivery: Delivery; answers: string[] } {
  const answers: string[] = [];
  const message = {
    subject: 'frames.motion.normal',
    reply,
    data: Buffer.from('x'),
    respond: (answer: Uint8Array) => answers.push(Buffer.from(answer).toString()) > 0,
  };
  return { delivery: new Delivery(message as unknown as Msg), answers };
}

test.each([
  ['up to server 2.14', V1],
  ['from server 2.15 on', V2],
  ['with further tokens', `${V2}.token`],
])('delivery - reads the reply subject %s', (_which, reply) => {
  const { delivery } = deliver(reply);
  expect(delivery.deliveries).toBe(3);
  expect(delivery.streamSequence).toBe(4711);
  expect(delivery.stampedAtMs).toBeCloseTo(1_795_342_657_931.022, 2);
  expect(parseAckSubject(reply)).toMatchObject({ consumerSequence: 99, pending: 12 });
});

test('delivery - the first final answer is the only one', () => {
  const { delivery, answers } = deliver();
  delivery.working();
  expect(delivery.isAnswered).toBe(false);
  delivery.ack();
  expect(delivery.isAnswered).toBe(true);
  delivery.nak();
  delivery.ack();
  delivery.working();
  expect(answers).toEqual(['+WPI', '+ACK']);
});

test.each([
  [0, '-NAK'],
  [-5, '-NAK'],
  [Number.NaN, '-NAK'],
  [Number.POSITIVE_INFINITY, '-NAK'],
  [1.5, '-NAK {"delay": 1500000}'],
  [300_000, '-NAK {"delay": 300000000000}'],
])('delivery - nak after %d ms', (delayMs, expected) => {
  const { delivery, answers } = deliver();
  delivery.nak(delayMs);
  expect(answers).toEqual([expected]);
});

test('delivery - an answer that cannot be sent any more is no error', () => {
  const message = {
    reply: V1,
    respond: () => {
      throw new Error('closed connection');
    },
  };
  const delivery = new Delivery(message as unknown as Msg);
  delivery.working();
  delivery.ack();
  expect(delivery.isAnswered).toBe(true);
});
