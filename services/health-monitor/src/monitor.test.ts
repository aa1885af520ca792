import { createMetrics, silentLogger } from '@frame-buffer/telemetry';
import { expect, test } from 'vitest';
import { HealthMonitor } from './monitor.ts';

test('M1 - before it has connected, health names the broker without its credentials', async () => {
  const monitor = new HealthMonitor({
    natsUrl: 'nats://user:s3cret@broker:4222',
    identity: { service: 'health-monitor', instance: 'hm', version: 'test', startedAt: new Date() },
    log: silentLogger,
    metrics: createMetrics({ service: 'health-monitor', processMetrics: false }),
    ledgerIntervalMs: 600_000,
    ledgerExactMessages: 2_000,
    signal: new AbortController().signal,
  });
  const health = await monitor.health();
  expect(health).toMatchObject({ status: 'failing', broker: { connected: false, url: 'nats://***@broker:4222' } });
  expect(health.faults.map(({ code }) => code)).toEqual(['broker_unreachable']);
  expect(JSON.stringify(health)).not.toContain('s3cret');
  await expect(monitor.ledger()).rejects.toMatchObject({ code: 'ledger_unavailable', retryable: true });
  await expect(monitor.ledger({ fresh: true })).rejects.toMatchObject({ code: 'ledger_unavailable' });
  await expect(monitor.queues()).rejects.toMatchObject({ code: 'broker_unavailable', retryable: true });
});
