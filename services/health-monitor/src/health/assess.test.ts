import { describe, expect, test } from 'vitest';
import { assess, type Facts, healthSchema } from './assess.ts';

const instance = { instance: 'a-1', state: 'ready' };

const SOUND: Facts = {
  broker: { connected: true, url: 'nats://127.0.0.1:4222', version: '2.14.0', rttMs: 1 },
  streams: [{ name: 'FRAMES', exists: true, messages: 10, bytes: 1000, share: 0.1, refusesWhenFull: true }],
  services: ['capture-gateway', 'orchestrator', 'registry'].map((name) => ({ name, instances: [instance] })),
  processors: [
    { name: 'motion', capabilities: ['motion'], liveness: 'heartbeat', instances: 1, queued: 0, blockedMs: 0 },
  ],
  cameras: [{ name: 'cam1', capabilities: ['motion'] }],
  ledger: { balanced: true, stale: false, unaccounted: 0 },
  known: true,
  justReconnected: false,
};

describe('health', () => {
  test('is ok without faults when everything is there', () => {
    const health = assess(SOUND);
    expect(health).toMatchObject({ status: 'ok', faults: [] });
    expect(healthSchema.parse(health)).toEqual(health);
  });

  test.each<[string, string, Partial<Facts>]>([
    ['broker_unreachable', 'failing', { broker: { connected: false, url: 'nats://h:1' }, known: false }],
    ['broker_unavailable', 'failing', { known: false }],
    ['stream_missing', 'failing', { streams: [stream({ exists: false })] }],
    ['stream_nearly_full', 'degraded', { streams: [stream({ share: 0.8 })] }],
    ['stream_nearly_full', 'failing', { streams: [stream({ share: 0.98 })] }],
    ['service_missing', 'failing', { services: SOUND.services.filter(({ name }) => name !== 'orchestrator') }],
    ['service_missing', 'degraded', { services: SOUND.services.filter(({ name }) => name !== 'registry') }],
    ['processor_without_instance', 'degraded', { processors: [processor({ instances: 0, queued: 3 })] }],
    ['processor_blocked', 'degraded', { processors: [processor({ blockedMs: 5_000 })] }],
    ['capability_without_processor', 'degraded', { cameras: [{ name: 'cam1', capabilities: ['ocr-plate'] }] }],
    ['ledger_unbalanced', 'degraded', { ledger: { balanced: true, stale: false, unaccounted: 2 } }],
    ['ledger_behind', 'degraded', { ledger: { balanced: false, stale: false, unaccounted: 0 } }],
  ])('%s is %s, and says what to do', (code, severity, change) => {
    const health = assess({ ...SOUND, ...change });
    expect(health.faults.map((fault) => [fault.code, fault.severity])).toEqual([[code, severity]]);
    expect(health.status).toBe(severity);
    expect(health.faults[0]?.message).toMatch(/start|lower|move|look|wait/i);
  });

  test('a full log is as it should be', () => {
    const full = stream({ share: 1, refusesWhenFull: false });
    expect(assess({ ...SOUND, streams: [full] }).status).toBe('ok');
  });

  test('a plain processor needs no heartbeat', () => {
    const plain = processor({ instances: 0, liveness: 'registration' });
    expect(assess({ ...SOUND, processors: [plain] }).status).toBe('ok');
  });

  test('right after a reconnect, silence of services and processors proves nothing', () => {
    const silent = { services: [], processors: [processor({ instances: 0 })] };
    expect(assess({ ...SOUND, ...silent, justReconnected: true }).status).toBe('ok');
    expect(assess({ ...SOUND, ...silent }).status).toBe('failing');
  });

  test('the worst fault comes first', () => {
    const health = assess({ ...SOUND, cameras: [{ name: 'cam1', capabilities: ['ocr'] }], services: [] });
    expect(health.faults.map(({ severity }) => severity)).toEqual(['failing', 'failing', 'degraded', 'degraded']);
  });
});

function stream(change: Partial<Facts['streams'][number]>): Facts['streams'][number] {
  return { name: 'FRAMES', exists: true, messages: 10, bytes: 1000, share: 0.1, refusesWhenFull: true, ...change };
}

function processor(change: Partial<Facts['processors'][number]>): Facts['processors'][number] {
  const sound = { capabilities: ['motion'], liveness: 'heartbeat', instances: 1, queued: 0, blockedMs: 0 };
  return { name: 'motion', ...sound, ...change };
}
