/**
 * Retries through the whole system, seen from outside: a processor that fails goes back to the retry lane, rests, is dispatched
 * anew, and either ends well or ends in the dead letters with its picture. The books balance in both cases.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deadLetterSchema, HEADER, STREAM } from '@frame-buffer/protocol';
import { makeJpeg, makeTestFolder, until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { Site } from './site.ts';

const FRAMES = 40;

async function start(file: string, mode: 'first' | 'always'): Promise<Site> {
  const site = await Site.start(['registry', 'health-monitor']);
  // The route's breaker would rightly keep work away from a processor like this one: here each attempt is wanted.
  await site.spawn('orchestrator', { FRAME_BUFFER_BREAKER_FAILURES: '1000000' });
  await site.spawn('capture-gateway');
  await site.spawnEntry('failing', join(import.meta.dirname, 'failing-processor.ts'), {
    FAIL_FILE: file,
    FAIL_MODE: mode,
  });
  await site.addCamera('gate', { url: 'push:', capabilities: ['fail'] });
  await until(() => site.camera('gate'), { what: 'the camera to be owned', is: ({ state }) => state === 'streaming' });
  return site;
}

/** Attempts by frame, as the handler saw them. */
function attemptsIn(file: string): Map<string, number[]> {
  const attempts = new Map<string, number[]>();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const [frame = '', attempt] = line.split(' ');
    attempts.set(frame, [...(attempts.get(frame) ?? []), Number(attempt)]);
  }
  return attempts;
}

async function push(site: Site, jpeg: Uint8Array, frames: number): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: frames }, () => site.push('gate', jpeg)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  return Promise.all(answers.map(async (answer) => ((await answer.json()) as { frame: string }).frame));
}

test('each frame fails at first: all are processed in the end, in their second attempt, and none twice', async () => {
  await using folder = await makeTestFolder('retry');
  const file = join(folder.path, 'attempts.log');
  writeFileSync(file, '');
  await using site = await start(file, 'first');
  const frames = await push(site, await makeJpeg({ width: 320, height: 240 }), FRAMES);

  const { ledger, reasons } = await site.settled();
  expect(ledger).toMatchObject({
    captured: FRAMES,
    processed: FRAMES,
    dead_lettered: 0,
    expired: 0,
    shed: 0,
    redelivered: 0,
    unaccounted: 0,
  });
  expect(reasons).toEqual({ 'processed/handled': FRAMES });
  expect(Object.fromEntries(attemptsIn(file))).toEqual(Object.fromEntries(frames.map((frame) => [frame, [0, 1]])));
});

test('a processor that always fails: dead letters after three retries, with attempts, pictures and balanced books', async () => {
  await using folder = await makeTestFolder('retry');
  const file = join(folder.path, 'attempts.log');
  writeFileSync(file, '');
  await using site = await start(file, 'always');
  const jpeg = await makeJpeg({ width: 320, height: 240 });
  const frames = await push(site, jpeg, 3);

  const { ledger, reasons } = await site.settled();
  expect(ledger).toMatchObject({ captured: 3, processed: 0, dead_lettered: 3, redelivered: 0, unaccounted: 0 });
  expect(reasons).toEqual({ 'dead_lettered/handler_failed': 3 });
  expect(Object.fromEntries(attemptsIn(file))).toEqual(
    Object.fromEntries(frames.map((frame) => [frame, [0, 1, 2, 3]])),
  );

  const jsm = await jetstreamManager(await site.broker.connect(), { checkAPI: false });
  const letters = await Promise.all([1, 2, 3].map((seq) => jsm.streams.getMessage(STREAM.deadLetters, { seq })));
  for (const letter of letters) {
    expect(letter?.subject).toBe('dead.failing.handler_failed');
    const record = deadLetterSchema.parse(JSON.parse(letter?.header.get(HEADER.error) ?? '{}'));
    expect(record).toMatchObject({ attempts: 4, reason: 'handler_failed', error: { message: 'attempt 3 fails' } });
    expect(Buffer.from(letter?.data ?? []).equals(jpeg)).toBe(true);
  }
  expect(letters.map((letter) => letter?.header.get(HEADER.frame)).sort()).toEqual(frames.toSorted());
});
