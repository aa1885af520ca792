/** One property for each invariant of camera.machine.ts, over random lives of a camera. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startCamera, type TestCamera } from './camera.fixture.ts';
import type { CauseCode } from './cause.ts';
import { backoffMs, cameraTimings } from './timings.ts';

const codes: CauseCode[] = [
  'connection_refused',
  'ended',
  'crashed',
  'unauthorized',
  'malformed_url',
  'format_changed',
];

type Step =
  | { readonly do: 'start' | 'stop' | 'reduce' | 'restore' }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'picture' | 'opened'; readonly back: number }
  | { readonly do: 'end'; readonly back: number; readonly code: CauseCode; readonly jitter: number; finished: boolean };

/** How many runs ago the run is that a fact speaks of: mostly the present one. */
const back = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3 }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Step>({ do: 'start' }, { do: 'stop' }, { do: 'reduce' }, { do: 'restore' }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.constantFrom(25, 500, 2_500, 10_000, 60_000) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('picture', 'opened'), back }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end'),
      back,
      code: fc.constantFrom(...codes),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      finished: fc.boolean(),
    }),
  },
);

function take(camera: TestCamera, next: Step): unknown {
  const { run } = camera.context();
  switch (next.do) {
    case 'start':
      return camera.start();
    case 'stop':
      return camera.stop();
    case 'reduce':
      return camera.send({ type: 'admission.reduced' });
    case 'restore':
      return camera.send({ type: 'admission.restored' });
    case 'advance':
      return camera.advance(next.ms);
    case 'picture':
      return camera.picture(run - next.back);
    case 'opened':
      return camera.send({ type: 'source.opened', run: run - next.back });
    case 'end':
      return camera.end(next.code, { run: run - next.back, jitter: next.jitter, finished: next.finished });
  }
}

/** Lives a random life and looks after each step. `before` is what a check needs of the time before the step. */
function always<T>(
  before: (camera: TestCamera) => T,
  check: (camera: TestCamera, next: Step, before: T) => void,
): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const camera = startCamera();
      for (const next of steps) {
        const then = before(camera);
        take(camera, next);
        check(camera, next, then);
      }
    }),
    { numRuns: 150 },
  );
}

const flows = (camera: TestCamera) => camera.state() === 'streaming' || camera.state() === 'throttled';
const snapshot = (camera: TestCamera) => ({
  state: camera.state(),
  context: camera.context(),
  calls: camera.calls.length,
  visits: camera.visited.length,
  flows: flows(camera),
});

describe('camera - invariants', () => {
  it('C1: at most one source is open', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const open = new Set<number>();
        const camera = startCamera();
        let seen = 0;
        for (const next of steps) {
          if (next.do === 'end') open.delete(camera.context().run - next.back);
          take(camera, next);
          for (const call of camera.calls.slice(seen)) {
            if (call.port === 'close') open.delete(call.run);
            else open.add(call.run);
            expect(open.size).toBeLessThanOrEqual(1);
          }
          seen = camera.calls.length;
        }
      }),
      { numRuns: 150 },
    );
  });

  it('C2: a fact about an earlier run changes nothing', () => {
    always(snapshot, (camera, next, before) => {
      if ('back' in next && next.back > 0) expect(snapshot(camera)).toEqual(before);
    });
  });

  it('C3: stopped is left by camera.start alone, and no timer runs in it', () => {
    always(snapshot, (camera, next, before) => {
      if (before.state !== 'stopped' || next.do === 'start') return;
      expect(camera.state()).toBe('stopped');
      expect(camera.calls.length).toBe(before.calls);
    });
  });

  it('C4: a stall needs time without a picture', () => {
    always(snapshot, (camera, next, before) => {
      const stalls = camera.visited.slice(before.visits).includes('stalled');
      if (stalls) expect(next.do).toBe('advance');
      if (before.flows && next.do === 'advance') expect(stalls).toBe(next.ms >= 2_500 || stalls);
    });
    always(
      () => 0,
      (camera) => {
        if (!flows(camera)) return;
        camera.picture();
        camera.advance(2_475);
        expect(flows(camera)).toBe(true);
        camera.picture();
      },
    );
  });

  it('C5: the n-th failure in a row backs off between half and all of min(max, base·2^(n-1))', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: -1, max: 2, noNaN: true }), (n, jitter) => {
        const timings = cameraTimings();
        const full = Math.min(timings.backoffMaxMs, timings.backoffBaseMs * 2 ** (n - 1));
        const wait = backoffMs(timings, n, jitter);
        expect(wait).toBeGreaterThanOrEqual(full / 2);
        expect(wait).toBeLessThanOrEqual(full);
      }),
    );
    always(snapshot, (camera, next, before) => {
      if (next.do !== 'end' || camera.state() !== 'backingOff' || before.state === 'backingOff') return;
      const { timings, failures } = camera.context();
      expect(failures).toBe(before.context.failures + 1);
      expect(camera.context().backoffMs).toBe(backoffMs(timings, failures, next.jitter));
    });
  });

  it('C6: only stable streaming or camera.start makes failures forgotten', () => {
    always(snapshot, (camera, next, before) => {
      if (camera.context().failures >= before.context.failures || next.do === 'start') return;
      expect(before.flows).toBe(true);
      expect(next.do).toBe('advance');
    });
  });

  it('C7: a permanent cause fails the camera, every other one does not', () => {
    always(snapshot, (camera, next, before) => {
      if (next.do !== 'end' || next.back > 0 || !['connecting', 'streaming', 'throttled'].includes(before.state))
        return;
      const { cause } = camera.context();
      const finished = cause?.code === 'ended' && cause.permanent;
      expect(camera.state() === 'failed').toBe(cause?.permanent === true && !finished);
    });
  });

  it('C8: a change of format after pictures reopens at once and is no failure', () => {
    always(snapshot, (camera, next, before) => {
      if (next.do !== 'end' || next.code !== 'format_changed' || next.finished || next.back > 0 || !before.flows)
        return;
      expect(camera.state()).toBe('connecting');
      expect(camera.context()).toMatchObject({ run: before.context.run + 1, failures: before.context.failures });
    });
  });

  it('C9: throttled exactly when streaming with reduced admission, and throttling touches no source', () => {
    always(snapshot, (camera, next, before) => {
      if (flows(camera)) expect(camera.state() === 'throttled').toBe(camera.context().admission === 'reduced');
      if (next.do !== 'reduce' && next.do !== 'restore') return;
      expect(camera.calls.length).toBe(before.calls);
      expect(flows(camera)).toBe(before.flows);
    });
  });

  it('C10: a source that reached its end leaves the camera stopped', () => {
    always(snapshot, (camera, next, before) => {
      if (next.do !== 'end' || next.code !== 'ended' || !next.finished || next.back > 0) return;
      if (before.state === 'connecting' || before.flows) expect(camera.state()).toBe('stopped');
    });
  });
});
