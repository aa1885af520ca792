/** A camera machine on a simulated clock, with ports that record. */
import { createActor, SimulatedClock } from 'xstate';
import { type CameraEvent, type CameraState, cameraMachine } from './camera.machine.ts';
import { type CauseCode, endCause } from './cause.ts';
import type { CameraTimings } from './timings.ts';

/** Timers of different length in multiples of the step: a timer set by a timer then starts at the right time. */
const STEP_MS = 25;

export type PortCall = { readonly port: 'open' | 'close'; readonly run: number; readonly attempt?: number };

export function startCamera(timings: Partial<CameraTimings> = {}) {
  const clock = new SimulatedClock();
  const calls: PortCall[] = [];
  const visited: CameraState[] = [];
  const machine = cameraMachine.provide({
    actions: {
      openSource: (_, params) => void calls.push({ port: 'open', ...params }),
      closeSource: (_, params) => void calls.push({ port: 'close', ...params }),
    },
  });
  const actor = createActor(machine, { clock, input: { timings } });
  actor.subscribe((snapshot) => {
    if (visited.at(-1) !== snapshot.value) visited.push(snapshot.value);
  });
  actor.start();

  const context = () => actor.getSnapshot().context;
  return {
    calls,
    /** Every state in order, the present one last. */
    visited,
    context,
    state: (): CameraState => actor.getSnapshot().value,
    opened: () => calls.filter((call) => call.port === 'open').length,
    send: (event: CameraEvent) => actor.send(event),
    start: () => actor.send({ type: 'camera.start' }),
    stop: () => actor.send({ type: 'camera.stop' }),
    picture: (run = context().run) => actor.send({ type: 'picture.arrived', run }),
    end: (code: CauseCode, { run = context().run, jitter = 1, finished = false } = {}) =>
      actor.send({ type: 'source.ended', run, cause: endCause(code, 'test', { finished }), jitter }),
    advance(ms: number) {
      for (let passed = 0; passed < ms; passed += STEP_MS) clock.increment(Math.min(STEP_MS, ms - passed));
    },
  };
}

export type TestCamera = ReturnType<typeof startCamera>;
