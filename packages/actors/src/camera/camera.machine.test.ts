import { describe, expect, it } from 'vitest';
import { createActor, initialTransition, transition } from 'xstate';
import { startCamera } from './camera.fixture.ts';
import { cameraMachine } from './camera.machine.ts';

function streaming(...options: Parameters<typeof startCamera>) {
  const camera = startCamera(...options);
  camera.start();
  camera.picture();
  return camera;
}

describe('camera - commands', () => {
  it('is stopped at first and does nothing', () => {
    const camera = startCamera();
    camera.advance(120_000);
    expect(camera.state()).toBe('stopped');
    expect(camera.calls).toEqual([]);
  });

  it('start opens the first run as the first attempt', () => {
    const camera = startCamera();
    camera.start();
    expect(camera.state()).toBe('connecting');
    expect(camera.calls).toEqual([{ port: 'open', run: 1, attempt: 1 }]);
    camera.start();
    expect(camera.calls).toHaveLength(1);
  });

  it('is pure: a transition only names its actions', () => {
    const [stopped] = initialTransition(cameraMachine, {});
    const [connecting, actions] = transition(cameraMachine, stopped, { type: 'camera.start' });
    expect(connecting.value).toBe('connecting');
    expect(actions).toContainEqual(expect.objectContaining({ type: 'openSource', params: { run: 1, attempt: 1 } }));
  });

  it('fails loudly when a port is not bound', () => {
    const actor = createActor(cameraMachine, { input: {} });
    const errors: unknown[] = [];
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    actor.send({ type: 'camera.start' });
    expect(String(errors[0])).toContain('openSource is not bound');
  });

  it('fails loudly when the port that closes is not bound', () => {
    const actor = createActor(cameraMachine.provide({ actions: { openSource: () => undefined } }), { input: {} });
    const errors: unknown[] = [];
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    actor.send({ type: 'camera.start' });
    actor.send({ type: 'camera.stop' });
    expect(String(errors[0])).toContain('closeSource is not bound');
  });

  it.each(['connecting', 'streaming', 'throttled'] as const)('stop in %s closes the source', (state) => {
    const camera = startCamera();
    if (state === 'throttled') camera.send({ type: 'admission.reduced' });
    camera.start();
    if (state !== 'connecting') camera.picture();
    expect(camera.state()).toBe(state);
    camera.stop();
    expect(camera.state()).toBe('stopped');
    expect(camera.calls.at(-1)).toEqual({ port: 'close', run: 1 });
  });

  it.each(['backingOff', 'failed'] as const)('start in %s tries at once, as the first attempt', (state) => {
    const camera = streaming();
    camera.end(state === 'failed' ? 'unauthorized' : 'ended');
    expect(camera.state()).toBe(state);
    camera.start();
    expect(camera.calls.at(-1)).toEqual({ port: 'open', run: 2, attempt: 1 });
    expect(camera.context()).toMatchObject({ failures: 0, cause: null });
  });
});

describe('camera - streaming', () => {
  it.each(['source.opened', 'picture.arrived'] as const)('begins with %s', (type) => {
    const camera = startCamera();
    camera.start();
    camera.send({ type, run: 1 });
    expect(camera.state()).toBe('streaming');
  });

  it('C4: stalls when no picture came for stallMs, closes the source, and backs off when it is gone', () => {
    const camera = streaming({ stallMs: 2_500 });
    camera.advance(2_475);
    camera.picture();
    camera.advance(2_475);
    expect(camera.state()).toBe('streaming');
    camera.advance(25);
    expect(camera.state()).toBe('stalled');
    expect(camera.calls.at(-1)).toEqual({ port: 'close', run: 1 });
    camera.end('stopped');
    expect(camera.state()).toBe('backingOff');
    expect(camera.context().cause?.code).toBe('stalled');
  });

  it('C4: an attempt that shows nothing within connectMs stalls too', () => {
    const camera = startCamera({ connectMs: 4_000 });
    camera.start();
    camera.advance(3_975);
    expect(camera.state()).toBe('connecting');
    camera.advance(25);
    expect(camera.state()).toBe('stalled');
    expect(camera.context().cause?.code).toBe('timed_out');
    expect(camera.calls.at(-1)).toEqual({ port: 'close', run: 1 });
  });

  it('C4: a source that may be silent never stalls', () => {
    const camera = streaming({ stallMs: Number.POSITIVE_INFINITY });
    camera.advance(600_000);
    expect(camera.state()).toBe('streaming');
  });

  it('C8: a change of format reopens at once and is no failure', () => {
    const camera = streaming();
    camera.end('format_changed');
    expect(camera.state()).toBe('connecting');
    expect(camera.calls.at(-1)).toEqual({ port: 'open', run: 2, attempt: 1 });
  });

  it('C8: without a picture in that run it is a failure like any other', () => {
    const camera = startCamera();
    camera.start();
    camera.end('format_changed');
    expect(camera.state()).toBe('backingOff');
  });

  it('C9: throttled while admission is reduced, and the source does not notice', () => {
    const camera = streaming({ stallMs: 2_500 });
    camera.send({ type: 'admission.reduced' });
    expect(camera.state()).toBe('throttled');
    camera.advance(2_475);
    camera.send({ type: 'admission.restored' });
    expect(camera.state()).toBe('streaming');
    expect(camera.calls).toHaveLength(1);
    camera.advance(25);
    expect(camera.state()).toBe('stalled');
  });

  it('C9: admission reduced before the first picture counts', () => {
    const camera = startCamera();
    camera.send({ type: 'admission.reduced' });
    camera.start();
    camera.picture();
    expect(camera.state()).toBe('throttled');
  });
});

describe('camera - failures', () => {
  it('C5: backs off longer each time, up to the maximum, and counts attempts', () => {
    const camera = startCamera({ backoffBaseMs: 500, backoffMaxMs: 8_000 });
    camera.start();
    const waits = [500, 1_000, 2_000, 4_000, 8_000, 8_000];
    waits.forEach((ms, index) => {
      camera.end('connection_refused', { jitter: 1 });
      expect(camera.context()).toMatchObject({ failures: index + 1, cause: { code: 'connection_refused' } });
      camera.advance(ms - 25);
      expect(camera.state()).toBe('backingOff');
      camera.advance(25);
      expect(camera.calls.at(-1)).toEqual({ port: 'open', run: index + 2, attempt: index + 2 });
    });
  });

  it('C6: a short success forgets nothing, stable streaming does', () => {
    const camera = startCamera({ stableMs: 30_000, stallMs: 100_000 });
    camera.start();
    camera.end('timed_out');
    camera.advance(500);
    camera.picture();
    expect(camera.context()).toMatchObject({ failures: 1, cause: null });
    camera.advance(29_975);
    expect(camera.context().failures).toBe(1);
    camera.advance(25);
    expect(camera.context().failures).toBe(0);
  });

  it('C6: streaming that was interrupted proves nothing', () => {
    const camera = startCamera({ stableMs: 30_000, stallMs: 100_000 });
    camera.start();
    camera.end('timed_out');
    camera.advance(500);
    camera.picture();
    camera.advance(20_000);
    camera.end('format_changed');
    camera.picture();
    camera.advance(20_000);
    expect(camera.context().failures).toBe(1);
  });

  it.each(['unauthorized', 'ffmpeg_missing', 'file_missing'] as const)(
    'C7: %s fails the camera, which looks again every minute',
    (code) => {
      const camera = startCamera();
      camera.start();
      camera.end(code);
      expect(camera.state()).toBe('failed');
      camera.advance(59_975);
      expect(camera.opened()).toBe(1);
      camera.advance(25);
      expect(camera.opened()).toBe(2);
    },
  );

  it('C7: a malformed url is never tried again', () => {
    const camera = startCamera();
    camera.start();
    camera.end('malformed_url');
    camera.advance(600_000);
    expect(camera.state()).toBe('failed');
    expect(camera.opened()).toBe(1);
  });

  it('C10: a source that reached its end leaves the camera stopped, with that cause', () => {
    const camera = streaming();
    camera.end('ended', { finished: true });
    camera.advance(600_000);
    expect(camera.state()).toBe('stopped');
    expect(camera.context().cause?.code).toBe('ended');
    expect(camera.opened()).toBe(1);
  });

  it('the whole life, in order', () => {
    const camera = streaming();
    camera.advance(2_500);
    camera.end('stopped');
    camera.advance(500);
    camera.end('unauthorized');
    camera.advance(60_000);
    camera.picture();
    camera.send({ type: 'admission.reduced' });
    camera.stop();
    expect(camera.visited).toEqual([
      'stopped',
      'connecting',
      'streaming',
      'stalled',
      'backingOff',
      'connecting',
      'failed',
      'connecting',
      'streaming',
      'throttled',
      'stopped',
    ]);
  });
});
