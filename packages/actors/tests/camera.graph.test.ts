/** Every state of a camera, by its shortest path, over a few runs of its source. */
import { expect, it } from 'vitest';
import { type CameraEvent, cameraMachine, cameraStates } from '../src/camera/camera.machine.ts';
import { endCause } from '../src/camera/cause.ts';
import { changesOf, type Exploration, endOfWait, explore } from './explore.ts';
import type { AnyEvent } from './pure.ts';

const causes = [
  endCause('connection_refused', ''),
  endCause('unauthorized', ''),
  endCause('malformed_url', ''),
  endCause('format_changed', ''),
  endCause('ended', '', { finished: true }),
];

const waits = [
  ['connectMs', 'connecting'],
  ['backoffMs', 'backingOff'],
  ['failedRetryMs', 'failed'],
] as const;

const exploration: Exploration<typeof cameraMachine> = {
  input: {},
  events: ({ context: { run }, value }): readonly AnyEvent<typeof cameraMachine>[] => [
    { type: 'camera.start' },
    { type: 'camera.stop' },
    { type: 'admission.reduced' },
    { type: 'admission.restored' },
    { type: 'source.opened', run },
    { type: 'picture.arrived', run },
    { type: 'picture.arrived', run: run - 1 },
    ...causes.map((cause): CameraEvent => ({ type: 'source.ended', run, cause, jitter: 1 })),
    { type: 'pictures.missed' } as never,
    { type: 'streaming.proved' } as never,
    ...waits.filter(([, state]) => state === value).map(([delay, state]) => endOfWait(cameraMachine, delay, state)),
  ],
  isFarEnough: ({ context }) => context.run >= 3,
  limit: 20_000,
};

const paths = explore(cameraMachine, exploration);

it('reaches every state', () => {
  expect(new Set(paths.map(({ end }) => end.value))).toEqual(new Set(cameraStates));
});

it('changes its state in the ways of the picture alone', () => {
  const flowing = ['streaming', 'throttled'];
  const expected = [
    ...['stopped', 'backingOff', 'failed'].map((from) => `${from} → connecting: camera.start`),
    ...cameraStates.filter((state) => state !== 'stopped').map((from) => `${from} → stopped: camera.stop`),
    ...flowing.flatMap((to) => ['source.opened', 'picture.arrived'].map((event) => `connecting → ${to}: ${event}`)),
    'streaming → throttled: admission.reduced',
    'throttled → streaming: admission.restored',
    ...flowing.map((from) => `${from} → stalled: pictures.missed`),
    'connecting → stalled: xstate.after.connectMs.camera.connecting',
    'stalled → backingOff: source.ended',
    ...flowing.map((from) => `${from} → connecting: source.ended`),
    ...['connecting', ...flowing].flatMap((from) =>
      ['backingOff', 'failed', 'stopped'].map((to) => `${from} → ${to}: source.ended`),
    ),
    'backingOff → connecting: xstate.after.backoffMs.camera.backingOff',
    'failed → connecting: xstate.after.failedRetryMs.camera.failed',
  ];
  expect(changesOf(cameraMachine, exploration)).toEqual(expected.sort());
});

it('C3, C9: opens a new run only by connecting, and knows why it does not stream, on every path', () => {
  for (const { before, after } of paths.flatMap(({ steps }) => steps)) {
    const isOpened = after.value === 'connecting' && before.value !== 'connecting';
    expect(after.context.run).toBe(before.context.run + (isOpened ? 1 : 0));
    if (['stalled', 'backingOff', 'failed'].includes(after.value)) expect(after.context.cause).not.toBe(null);
    if (after.value === 'throttled') expect(after.context.admission).toBe('reduced');
    if (after.value === 'streaming') expect(after.context.admission).toBe('full');
  }
});
