/** No nats-server at the start: services wait, say so, answer for themselves, and go to work when it comes. */
import { freePort, makeJpeg, startTestBroker, until } from '@frame-buffer/testkit';
import { expect, test } from 'vitest';
import { type ServiceName, Site } from './site.ts';

const SERVICES: readonly ServiceName[] = ['capture-gateway', 'orchestrator', 'health-monitor', 'registry', 'quality'];

test('services started before the broker, in the wrong order, become ready when it comes', async () => {
  const brokerPort = await freePort();
  const gatewayPort = await freePort();
  await using site = Site.expecting(`nats://127.0.0.1:${brokerPort}`);
  const starting = Promise.all(
    SERVICES.map((service) =>
      site.spawn(service, service === 'capture-gateway' ? { FRAME_BUFFER_PORT: String(gatewayPort) } : {}),
    ),
  );
  const gateway = (path: string) => fetch(`http://127.0.0.1:${gatewayPort}${path}`);
  await until(async () => (await gateway('/health')).status, {
    what: 'the gateway to live',
    is: (status) => status === 200,
    timeoutMs: 20_000,
  });
  const ready = await gateway('/ready');
  expect(ready.status).toBe(503);
  expect(await ready.text()).toContain('broker');
  const early = await gateway('/api/v1/cameras');
  expect(early.status).toBe(503);
  expect(early.headers.get('content-type')).toContain('problem+json');

  site.broker = await startTestBroker({ port: brokerPort });
  await starting;
  await site.addCamera('gate', { url: 'push:', capabilities: ['quality'] });
  await until(() => site.camera('gate'), { what: 'the camera', is: ({ state }) => state === 'streaming' });
  expect((await site.push('gate', await makeJpeg({ width: 320, height: 240 }))).status).toBe(201);
  expect((await site.settled()).ledger).toMatchObject({ captured: 1, processed: 1 });
});
