import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { entryOf, environmentOf, FIRST_TO_STOP, START_ORDER, STOP_ORDER } from './processes.ts';

const started = START_ORDER.flat().map(({ name }) => name);

test('whatever is started exists, and is stopped again', () => {
  expect(started.filter((name) => !existsSync(entryOf(name)))).toEqual([]);
  expect(STOP_ORDER.flat().toSorted()).toEqual(started.toSorted());
});

test('cameras come last and go first: whoever works their frames is there all the time', () => {
  expect(started.at(-1)).toBe(FIRST_TO_STOP);
  expect(STOP_ORDER[0]).toEqual([FIRST_TO_STOP]);
});

test('the four ports follow one another', () => {
  const offsets = START_ORDER.flat().flatMap(({ portOffset }) => (portOffset === undefined ? [] : [portOffset]));
  expect(offsets.toSorted()).toEqual([0, 1, 2, 3]);
});

test('the run decides where the broker is and who listens where; the rest of the environment is the caller’s', () => {
  const env = { PATH: '/bin', FRAME_BUFFER_PORT: '1', FRAME_BUFFER_INSTANCE: 'a', FRAME_BUFFER_LOG_LEVEL: 'debug' };
  const expected = {
    PATH: '/bin',
    FRAME_BUFFER_LOG_LEVEL: 'debug',
    FRAME_BUFFER_NATS_URL: 'nats://h:1',
    FRAME_BUFFER_HOST: '127.0.0.1',
  };
  expect(environmentOf(env, { natsUrl: 'nats://h:1', port: undefined })).toEqual(expected);
  expect(environmentOf(env, { natsUrl: 'nats://h:1', port: 0 })).toEqual({ ...expected, FRAME_BUFFER_PORT: '0' });
});
