import { encodeBatch, type FrameDescriptor, openBatch, VERSION } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import { type Origin, returnedMessage } from './returned-message.ts';

const frame = (sequence: number): FrameDescriptor => ({
  camera: 'cam',
  epoch: 7,
  sequence,
  capturedAtMs: 1_700_000_000_000,
  width: 640,
  height: 480,
  encoding: 'jpeg',
  byteSize: 1000,
  pixelSequence: sequence,
  priority: 5,
  maxAgeMs: 10_000,
  capabilities: ['ocr'],
});

const bytes = encodeBatch({ capability: 'ocr', dispatcher: 'orchestrator-1', elapsedMs: 100, generation: 2 }, [
  { frame: frame(1), ageMs: 10 },
  { frame: frame(2), ageMs: 20, attempt: 1 },
]);

const origin: Origin = {
  subject: 'work.p.retry',
  msgId: 'i.5.0-2',
  streamSequence: 9,
  stampedAtMs: 1000.5,
  waitedMs: 250,
};

test('it goes back to its lane, nobody’s, older by what it waited, under an id of its own', () => {
  const returned = returnedMessage(bytes, origin);
  if (!returned.ok) throw new Error(returned.detail);
  const { message } = returned;
  expect(message).toMatchObject({ subject: 'frames.ocr.retry', msgId: 'i.5.0-2.r9' });
  expect(message.batch.dispatcher).toBe('orchestrator-1');
  const again = openBatch(message.payload);
  if (!again.ok) throw new Error(again.detail);
  const { batch } = again;
  expect(batch).toMatchObject({
    capability: 'ocr',
    dispatcher: '',
    elapsedMs: 350,
    delayMs: 0,
    generation: 2,
    frameCount: 2,
  });
  expect([batch.sequence(0), batch.sequence(1), batch.attempt(1)]).toEqual([1, 2, 1]);
  expect(batch.frame(1)).toEqual(frame(2));
  expect(returnedMessage(bytes, origin)).toEqual(returned);
});

test('without an id the place in the queue makes one', () => {
  const returned = returnedMessage(bytes, { ...origin, msgId: undefined });
  expect(returned.ok && returned.message.msgId).toBe('queued.1000.5.r9');
});

test('what lay in the lane of a partition goes back to that partition', () => {
  const returned = returnedMessage(bytes, { ...origin, subject: 'work.p.p3' });
  expect(returned.ok && returned.message.subject).toBe('frames.ocr.p3');
});

test('what cannot be read, or came by no lane, is told apart', () => {
  expect(returnedMessage(Buffer.from('no batch'), origin)).toMatchObject({ ok: false, reason: 'malformed' });
  const newer = Buffer.from(bytes);
  newer[2] = VERSION + 2;
  expect(returnedMessage(newer, origin)).toMatchObject({ ok: false, reason: 'unsupported_version' });
  expect(returnedMessage(bytes, { ...origin, subject: 'work.p.odd' })).toMatchObject({
    ok: false,
    reason: 'malformed',
  });
});
