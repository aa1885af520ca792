import { type Instance, processorSchema } from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { buildRouteTable } from './route-table.ts';

const instance = (name: string, id: string, more: Partial<Instance> = {}): Instance => ({
  kind: 'processor',
  name,
  instance: id,
  startedAt: '2026-01-01T00:00:00.000Z',
  state: 'ready',
  ...more,
});

describe('route table', () => {
  test('a heartbeat processor is ready with its live instances, draining ones do not count', () => {
    const processor = processorSchema.parse({
      name: 'p',
      capabilities: ['a', 'b'],
      concurrency: 3,
      liveness: 'heartbeat',
    });
    expect(buildRouteTable([processor], []).byProcessor.size).toBe(0);
    expect(buildRouteTable([processor], [instance('p', 'one', { state: 'draining' })]).byProcessor.size).toBe(0);
    const table = buildRouteTable([processor], [instance('p', 'one'), instance('p', 'two'), instance('q', 'one')]);
    expect(table.byProcessor.get('p')).toMatchObject({ instances: 2, concurrency: 6 });
    expect([...table.byCapability.keys()]).toEqual(['a', 'b']);
  });

  test('a processor whose liveness is its registration needs no instance', () => {
    const processor = processorSchema.parse({ name: 'p', capabilities: ['a'] });
    expect(buildRouteTable([processor], []).byProcessor.get('p')).toMatchObject({ instances: 0, concurrency: 1 });
  });

  test('peers are the live orchestrators, at least this one', () => {
    const orchestrator = (id: string) => instance('orchestrator', id, { kind: 'service' });
    expect(buildRouteTable([], []).peers).toBe(1);
    expect(
      buildRouteTable([], [orchestrator('a'), orchestrator('b'), instance('registry', 'r', { kind: 'service' })]).peers,
    ).toBe(2);
  });
});
