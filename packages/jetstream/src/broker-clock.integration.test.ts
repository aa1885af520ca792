import { STREAM } from '@frame-buffer/protocol';
import { until } from '@frame-buffer/testkit';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { BrokerClock } from './broker-clock.ts';
import { type Bench, openBench, text } from './fixtures/bench.ts';
import { PullLoop } from './pull-loop.ts';

const INFO = `$JS.API.STREAM.INFO.${STREAM.work}`;

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
  await bench.stream(STREAM.work, { subjects: ['work.*.*'] });
  await bench.durable(STREAM.work, 'clocked');
});

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

test('broker clock - agrees with the broker on one host, whatever our own wall clock says', async () => {
  const truth = Date.now() - performance.now();
  vi.spyOn(Date, 'now').mockReturnValue(1_000);
  const clock = new BrokerClock(await bench.connect(), INFO);
  expect(clock.nowMs()).toBeLessThan(1_000_000);
  await clock.start();
  expect(Math.abs(clock.nowMs() - (truth + performance.now()))).toBeLessThan(20);
  clock.stop();
});

test('broker clock - the age of a message is the time since it was stored', async () => {
  const nc = await bench.connect();
  const clock = new BrokerClock(nc, INFO);
  await clock.start();
  const before = performance.now();
  await nc.request('work.p.normal', text('x'));
  const after = performance.now();
  let ageMs = Number.NaN;
  let readAt = 0;
  const loop = new PullLoop({
    nc,
    stream: STREAM.work,
    durable: 'clocked',
    want: () => 1,
    onMessage: (delivery) => {
      ageMs = clock.sinceMs(delivery.stampedAtMs);
      readAt = performance.now();
      delivery.ack();
    },
  });
  await until(() => readAt > 0, { what: 'the message' });
  expect(ageMs).toBeGreaterThanOrEqual(readAt - after - 10);
  expect(ageMs).toBeLessThanOrEqual(readAt - before + 10);
  expect(clock.sinceMs(clock.nowMs() + 5_000)).toBe(0);
  await loop.stop();
  clock.stop();
});

test('broker clock - goes on when the broker is away, and before it ever answered', async () => {
  const nc = await bench.connect();
  const clock = new BrokerClock(nc, INFO);
  await clock.start();
  await bench.outage(async () => {
    const offset = clock.nowMs() - performance.now();
    await clock.measure();
    // Two clocks are read one after the other; what must not happen is another offset.
    expect(Math.abs(clock.nowMs() - performance.now() - offset)).toBeLessThan(5);
  });
  const stranger = new BrokerClock(nc, '$JS.API.STREAM.INFO.NOT-THERE');
  await stranger.start();
  expect(Math.abs(stranger.nowMs() - Date.now())).toBeLessThan(100);
  stranger.stop();
  clock.stop();
});
