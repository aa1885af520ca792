import type { Msg } from '@nats-io/nats-core';
import { expect, test } from 'vitest';
import { readPubAck } from './pub-ack.ts';

function answer(body: unknown): Msg {
  return { data: Buffer.from(JSON.stringify(body)), headers: undefined } as unknown as Msg;
}

function error(code: number, errorCode: number, description: string): Msg {
  return answer({ stream: 'S', seq: 0, error: { code, err_code: errorCode, description } });
}

test.each([
  ['queue_full', error(503, 10077, 'maximum messages per subject exceeded')],
  ['stream_full', error(503, 10077, 'maximum messages exceeded')],
  ['stream_full', error(503, 10077, 'maximum bytes exceeded')],
  ['too_large', error(400, 10054, 'message size exceeds maximum allowed')],
  ['wrong_sequence', error(400, 10071, 'wrong last sequence: 7')],
  ['refused', error(400, 10060, 'expected stream does not match')],
])('pub ack - %s is final', (reason, message) => {
  expect(readPubAck(message)).toMatchObject({ kind: 'refused', reason });
});

test.each([
  ['no stream', { data: new Uint8Array(), headers: { code: 503 } } as unknown as Msg],
  ['a full disk', error(503, 10077, 'write msgs/1.blk: no space left on device')],
  ['no resources', error(503, 10023, 'insufficient resources')],
  ['no storage', error(500, 10047, 'insufficient storage resources available')],
  ['no leader', error(503, 0, 'raft: not leader')],
  ['a cluster at work', error(503, 10008, 'JetStream system temporarily unavailable')],
  ['a like expectation in process', error(400, 10164, 'wrong last sequence')],
  ['the first copy in process', error(409, 10158, 'duplicate message id is in process')],
])('pub ack - %s is worth another try', (_what, message) => {
  expect(readPubAck(message)).toMatchObject({ kind: 'unavailable' });
});
