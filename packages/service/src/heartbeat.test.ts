import { createLogger } from '@frame-buffer/telemetry';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startHeartbeat } from './heartbeat.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function recorder() {
  const events: string[] = [];
  const log = createLogger({ service: 's', write: (line) => events.push(JSON.parse(line).event) });
  let beats = 0;
  const record = () => {
    beats += 1;
    return { kind: 'service', name: 'sample', instance: 'sample-1', beats };
  };
  return { events, log, record };
}

describe('heartbeat', () => {
  test('B1 the first beat is at once, then one each interval with a fresh record', async () => {
    const { log, record } = recorder();
    const put = vi.fn(async () => {});
    const heartbeat = startHeartbeat({ record, put, log, intervalMs: 1_000 });
    expect(put).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(put).toHaveBeenCalledTimes(4);
    expect(put).toHaveBeenLastCalledWith(expect.objectContaining({ instance: 'sample-1', beats: 4 }));
    await heartbeat.stop();
  });

  test('B2 failures end nothing and are logged once, so is the recovery', async () => {
    const { log, record, events } = recorder();
    let broken = true;
    const put = vi.fn(async () => {
      if (broken) throw new Error('no broker');
    });
    const heartbeat = startHeartbeat({ record, put, log, intervalMs: 1_000 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(events).toEqual(['heartbeat.failed']);
    broken = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(events).toEqual(['heartbeat.failed', 'heartbeat.recovered']);
    await heartbeat.stop();
  });

  test('B2 a record that cannot be made is a failure like any other', async () => {
    const { log, events } = recorder();
    const record = () => {
      throw new Error('not now');
    };
    const heartbeat = startHeartbeat({ record, put: async () => {}, log });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(events).toEqual(['heartbeat.failed']);
    await heartbeat.stop();
  });

  test('B1 and B2 a put that hangs is not overtaken, and given up after two intervals', async () => {
    const { log, record, events } = recorder();
    const put = vi.fn(() => new Promise<void>(() => {}));
    const heartbeat = startHeartbeat({ record, put, log, intervalMs: 1_000 });
    await vi.advanceTimersByTimeAsync(1_999);
    expect(put).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_002);
    expect(put).toHaveBeenCalledTimes(2);
    expect(events).toEqual(['heartbeat.failed']);
    const stopped = heartbeat.stop();
    await vi.advanceTimersByTimeAsync(2_000);
    await stopped;
  });

  test('B3 remove is the last word, a failing one rejects nothing', async () => {
    const { log, record, events } = recorder();
    const said: string[] = [];
    const heartbeat = startHeartbeat({
      record,
      log,
      intervalMs: 1_000,
      put: async () => said.push('put'),
      remove: async () => {
        said.push('remove');
        throw new Error('no broker');
      },
    });
    await heartbeat.beat();
    await heartbeat.stop();
    await heartbeat.stop();
    await heartbeat.beat();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(said).toEqual(['put', 'put', 'remove']);
    expect(events).toEqual(['heartbeat.notRemoved']);
  });
});
