import {
  type Instance,
  type Policy,
  type PolicyInput,
  type ProcessorInput,
  policySchema,
  processorSchema,
} from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { Credits } from '../credit/credits.ts';
import type { Pool } from './chain.ts';
import { buildRouteTable, isServed, type RouteTable } from './route-table.ts';

const instance = (name: string, id: string, more: Partial<Instance> = {}): Instance => ({
  kind: 'processor',
  name,
  instance: id,
  startedAt: '2026-01-01T00:00:00.000Z',
  state: 'ready',
  ...more,
});

const heartbeat = processorSchema.parse({
  name: 'p',
  capabilities: ['a', 'b'],
  concurrency: 3,
  liveness: 'heartbeat',
});
const credits = new Credits('me', () => 0);
const table = (inputs: Partial<Parameters<typeof buildRouteTable>[0]>, previous?: RouteTable) =>
  buildRouteTable({ processors: [], instances: [], credits, ...inputs }, previous);
const processors = (...inputs: ProcessorInput[]) => inputs.map((input) => processorSchema.parse(input));
const policies = (input: PolicyInput): Map<string, Policy> => new Map([['look', policySchema.parse(input)]]);
const firstPool = ({ chains }: RouteTable): Pool => {
  const step = chains.get('look')?.steps[0];
  if (step?.kind !== 'pool') throw new Error('there is no pool');
  return step;
};
const steps = ({ chains }: RouteTable) =>
  chains
    .get('look')
    ?.steps.map((step) => (step.kind === 'pool' ? step.routes.map(({ processor }) => processor.name) : step.name));

describe('route table', () => {
  test('a heartbeat processor is ready with its live instances, draining ones do not count', () => {
    expect(table({ processors: [heartbeat] }).byProcessor.size).toBe(0);
    const draining = [instance('p', 'one', { state: 'draining' })];
    expect(table({ processors: [heartbeat], instances: draining }).byProcessor.size).toBe(0);
    const instances = [instance('p', 'one'), instance('p', 'two'), instance('q', 'one')];
    const ready = table({ processors: [heartbeat], instances });
    expect(ready.byProcessor.get('p')).toMatchObject({ instances: 2, concurrency: 6 });
    expect([...ready.chains.keys()]).toEqual(['a', 'b']);
  });

  test('a processor whose liveness is its registration needs no instance', () => {
    const ready = table({ processors: processors({ name: 'p', capabilities: ['a'] }) });
    expect(ready.byProcessor.get('p')).toMatchObject({ instances: 0, concurrency: 1 });
  });

  test('a blocked processor is not in it', () => {
    const all = processors({ name: 'p', capabilities: ['a'] }, { name: 'q', capabilities: ['a'] });
    expect([...table({ processors: all, blocked: new Set(['p']) }).byProcessor.keys()]).toEqual(['q']);
  });

  test('peers are the live orchestrators, at least this one', () => {
    const orchestrator = (id: string) => instance('orchestrator', id, { kind: 'service' });
    expect(table({}).peers).toBe(1);
    const instances = [orchestrator('a'), orchestrator('b'), instance('registry', 'r', { kind: 'service' })];
    expect(table({ instances }).peers).toBe(2);
  });
});

describe('chains', () => {
  const fleet = processors(
    { name: 'g1', capabilities: ['look'], labels: { gpu: '', zone: 'a' } },
    { name: 'g2', capabilities: ['look'], labels: { gpu: '', zone: 'b' } },
    { name: 'c1', capabilities: ['look'], labels: { cpu: '' } },
    { name: 'other', capabilities: ['hear'], labels: { gpu: '' } },
  );

  test('each step holds the ready processors whose labels fit', () => {
    const built = table({
      processors: fleet,
      policies: policies({ require: 'gpu & !zone=b', fallback: ['gpu', 'cpu | zone=a', 'skip'] }),
    });
    expect(steps(built)).toEqual([['g1'], ['g1', 'g2'], ['g1', 'c1'], 'skip']);
    expect(built.chains.get('hear')?.steps).toMatchObject([{ name: '*', strategy: 'least-loaded' }]);
  });

  test('a capability is served while there is somebody in its chain, or a skip', () => {
    expect(isServed(table({ processors: fleet }), 'look')).toBe(true);
    expect(isServed(table({ processors: fleet }), 'smell')).toBe(false);
    expect(isServed(table({ processors: fleet, policies: policies({ require: 'tpu' }) }), 'look')).toBe(false);
    expect(isServed(table({ policies: policies({ fallback: ['skip'] }) }), 'look')).toBe(true);
  });

  test('encodings with the same readers share one strategy; what nobody reads has none', () => {
    const pool = firstPool(
      table({
        processors: processors({ name: 'p', capabilities: ['look'], encodings: ['jpeg', 'png'] }),
      }),
    );
    expect(pool.strategies.jpeg).toBe(pool.strategies.none);
    expect(pool.strategies.png).toBe(pool.strategies.jpeg);
    expect(pool.strategies.rgb24).toBeUndefined();
  });

  test('what has not changed is taken over, the rest is retired', () => {
    const first = table({ processors: fleet, policies: policies({ strategy: 'round-robin' }) });
    const hear = first.chains.get('hear');
    const same = table({ processors: fleet, policies: new Map([['look', policySchema.parse({})]]) }, first);
    expect(same.chains.get('hear')).toBe(hear);
    expect(same.chains.get('look')).not.toBe(first.chains.get('look'));
    expect(same.byProcessor.get('g1')).toBe(first.byProcessor.get('g1'));
    const peers = [
      instance('orchestrator', 'a', { kind: 'service' }),
      instance('orchestrator', 'b', { kind: 'service' }),
    ];
    expect(table({ processors: fleet, instances: peers }, same).chains.get('hear')).not.toBe(hear);
  });

  test('turns go on when the table is built anew', () => {
    const counts = new Map<string, number>();
    let built: RouteTable | undefined;
    for (let round = 0; round < 30; round++) {
      // The same processors, read anew each time.
      const again = processors(...['a', 'b', 'c'].map((name) => ({ name, capabilities: ['look'] })));
      built = table({ processors: again, policies: policies({ strategy: 'round-robin' }) }, built);
      const strategy = firstPool(built).strategies.jpeg;
      const slot = strategy?.pick('door', 0) ?? -1;
      strategy?.placed(slot, 1);
      const name = strategy?.candidates[slot]?.route.processor.name ?? '';
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ a: 10, b: 10, c: 10 });
  });
});
