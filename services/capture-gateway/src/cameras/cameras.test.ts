/** Which gateway captures a camera, under which identity, and what its frames ask for. */
import { cameraLeaseKey } from '@frame-buffer/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CameraHost } from './camera-host.ts';
import { type Gateway, pictureOf, startGateway } from './cameras.fixture.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** Of a wait for what takes milliseconds on a machine that has nothing else to do. */
const patience = { timeout: 10_000, interval: 10 };

/** The host of a camera, once it streams. Its machine needs a turn of the event loop or two. */
async function streaming({ cameras }: Gateway, name: string, than?: CameraHost): Promise<CameraHost> {
  const host = await vi.waitFor(() => {
    const found = cameras.get(name)?.host;
    if (found === undefined || found === than || found.status.state !== 'streaming') throw new Error('not yet');
    return found;
  }, patience);
  return host;
}

const epochIn = async ({ leases }: Gateway, name: string) =>
  (await leases.get(cameraLeaseKey(name)))?.value.epoch ?? Number.NaN;

describe('cameras', () => {
  test('O1 - frames carry the epoch of the lease, and sequences grow from 1', async () => {
    await using gateway = await startGateway();
    await gateway.put('gate');
    const host = await streaming(gateway, 'gate');
    for (let i = 0; i < 3; i++) host.capture(pictureOf());
    const epoch = await epochIn(gateway, 'gate');
    expect(gateway.offered.map(({ camera, epoch: of, sequence }) => [camera, of, sequence])).toEqual(
      [1, 2, 3].map((sequence) => ['gate', epoch, sequence]),
    );
    expect(host.status).toMatchObject({ epoch, sequence: 3, width: 4, height: 2 });
  });

  test('a changed record changes what frames ask for; source, epoch and sequence go on', async () => {
    await using gateway = await startGateway();
    await gateway.put('gate');
    const host = await streaming(gateway, 'gate');
    const before = host.capture(pictureOf());
    await gateway.put('gate', { capabilities: ['look', 'count'], priority: 9 });
    const after = host.capture(pictureOf());
    expect(gateway.offered.map(({ capabilities, priority }) => [capabilities, priority])).toEqual([
      [['look'], 5],
      [['look', 'count'], 9],
    ]);
    expect(after).toEqual({ ...before, sequence: 2 });
    expect(gateway.cameras.get('gate')?.host).toBe(host);
  });

  test('another URL opens another source, under a greater epoch', async () => {
    await using gateway = await startGateway();
    await gateway.put('gate');
    const host = await streaming(gateway, 'gate');
    const { epoch } = host.capture(pictureOf());
    await gateway.put('gate', { url: 'test-pattern:?width=64&height=64&fps=20' });
    await streaming(gateway, 'gate', host);
    await vi.waitFor(() => expect(gateway.offered.at(-1)).toMatchObject({ width: 64, height: 64 }), patience);
    expect(host.status.state).toBe('stopped');
    expect(gateway.offered[1]).toMatchObject({ camera: 'gate', sequence: 1 });
    expect(gateway.offered[1]?.epoch).toBeGreaterThan(epoch);
  });

  test('a removed camera is closed, and its lease handed back', async () => {
    await using gateway = await startGateway();
    await gateway.put('gate');
    const host = await streaming(gateway, 'gate');
    await gateway.records.delete('gate');
    expect(gateway.cameras.get('gate')).toBeUndefined();
    await vi.waitFor(() => expect(host.status.state).toBe('stopped'), patience);
    await vi.waitFor(
      async () => expect(await gateway.leases.get(cameraLeaseKey('gate'))).toMatchObject({ value: { owner: '' } }),
      patience,
    );
  });

  test('a camera that somebody else has taken is captured here no more', async () => {
    await using gateway = await startGateway();
    await gateway.put('gate');
    const host = await streaming(gateway, 'gate');
    await gateway.take('gate');
    await vi.waitFor(() => expect(gateway.cameras.get('gate')?.host).toBeUndefined(), patience);
    expect(host.status.state).toBe('stopped');
  });

  test('of two gateways one captures; when it stops, the other goes on under a greater epoch', async () => {
    const first = await startGateway('gateway-1');
    await first.put('gate');
    const host = await streaming(first, 'gate');
    await using second = await startGateway('gateway-2', first);
    await new Promise((resolve) => setImmediate(resolve));
    expect(second.cameras.get('gate')?.host).toBeUndefined();
    await first[Symbol.asyncDispose]();
    const successor = await streaming(second, 'gate');
    expect(successor.status.epoch).toBeGreaterThan(host.status.epoch);
  });
});

describe('camera host', () => {
  function hostOf(url: string, offer: (frame: unknown) => void): CameraHost {
    return new CameraHost({
      camera: { name: 'gate', url, capabilities: ['look'], priority: 7 },
      epoch: 1,
      ffmpeg: undefined,
      offer,
      onTransition: () => {},
    });
  }

  test('a frame has all that its picture and its camera say, and the wall-clock time at which the picture arrived', () => {
    const offered: unknown[] = [];
    const host = hostOf('push:', (frame) => offered.push(frame));
    const attributes = { door: 'open' };
    const picture = pictureOf({ arrivedAtMs: performance.now() - 5_000 });
    const before = Date.now();
    host.capture(picture, { attributes });
    const expected = {
      ...picture,
      camera: 'gate',
      epoch: 1,
      sequence: 1,
      capabilities: ['look'],
      priority: 7,
      attributes,
    };
    expect(offered).toEqual([{ ...expected, capturedAtMs: expect.closeTo(before - 5_000, -2) }]);
  });

  test('a camera that is pushed to may be silent for ever', async () => {
    vi.useFakeTimers();
    const host = hostOf('push:', () => {});
    host.start();
    await vi.advanceTimersByTimeAsync(1);
    expect(host.status.state).toBe('streaming');
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(host.status.state).toBe('streaming');
    await host.stop();
  });
});
