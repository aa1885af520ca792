/** What reaches the judgement: records, queues and the state of the connection of a real broker. */
import { until } from '@frame-buffer/testkit';
import { expect, test } from 'vitest';
import { startWorld } from '../fixtures/world.ts';

test('health - what instances tell of themselves, and what waits for their processor', async () => {
  await using world = await startWorld();
  await world.register({ name: 'motion', capabilities: ['motion'], settles: true, liveness: 'heartbeat' });
  await world.putWork('motion', [1, 2]);
  await world.putWork('motion', [3]);
  const monitor = await world.monitor();
  const blocked = await until(
    async () => {
      await world.beat('motion', { blockedMs: 6_000 });
      return monitor.health();
    },
    { what: 'the heartbeat to be heard', is: ({ processors }) => processors[0]?.instances === 1 },
  );
  expect(blocked.processors).toEqual([
    { name: 'motion', capabilities: ['motion'], liveness: 'heartbeat', instances: 1, queued: 2, blockedMs: 6_000 },
  ]);
  expect(blocked.faults).toContainEqual(expect.objectContaining({ code: 'processor_blocked', about: 'motion' }));
  const silent = await until(() => monitor.health(), {
    what: 'the heartbeat to expire',
    timeoutMs: 15_000,
    is: ({ processors }) => processors[0]?.instances === 0,
  });
  expect(silent.faults).toContainEqual(
    expect.objectContaining({
      code: 'processor_without_instance',
      message: expect.stringContaining('2 messages wait'),
    }),
  );
});

test('health - an outage of the broker says nothing about services, until they had time to be heard again', async () => {
  await using world = await startWorld();
  const monitor = await world.monitor();
  const codes = async () => (await monitor.health()).faults.map(({ code }) => code);
  expect(await codes()).toContain('service_missing');
  world.broker.kill('SIGKILL');
  await world.broker.exited;
  await until(codes, { what: 'the outage to be noticed', is: (found) => found.includes('broker_unreachable') });
  await world.broker.restart();
  const after = await until(codes, {
    what: 'the broker to be reached again',
    timeoutMs: 15_000,
    intervalMs: 20,
    is: (found) => !found.some((code) => code.startsWith('broker_')),
  });
  expect(after).not.toContain('service_missing');
  await until(codes, {
    what: 'the silence of the services to count again',
    timeoutMs: 15_000,
    is: (found) => found.includes('service_missing'),
  });
});
