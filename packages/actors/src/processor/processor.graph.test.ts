/** Every state of a processor, by its shortest path, with the time standing still but for what has to be newer. */
import { expect, it } from 'vitest';
import { changesOf, type Exploration, endOfWait, explore } from '../../tests/explore.ts';
import type { AnyEvent } from '../../tests/pure.ts';
import { processorStates } from './life.ts';
import { type ProcessorSnapshot, processorMachine } from './processor.machine.ts';

const waits = [
  ['returnMs', 'registered'],
  ['suspectMs', 'ready'],
  ['suspectMs', 'degraded'],
  ['lostMs', 'suspect'],
  ['lostMs', 'draining'],
  ['drainMs', 'draining'],
] as const;

const at = 100;

function events({ context, value }: ProcessorSnapshot): readonly AnyEvent<typeof processorMachine>[] {
  const heartbeat = { type: 'heartbeat.arrived', epoch: 0, instances: 1, sentAt: context.sentAt + 1, at } as const;
  return [
    heartbeat,
    { ...heartbeat, failureShare: 1 },
    { ...heartbeat, sentAt: context.sentAt },
    { type: 'instances.left', at },
    { type: 'queue.measured', tasks: 0, at },
    { type: 'queue.returned' },
    { type: 'processor.registered', epoch: 0, liveness: 'heartbeat', at },
    { type: 'processor.drain', at },
    { type: 'processor.deregister', at },
    context.broker === 'here' ? { type: 'broker.disconnected' } : { type: 'broker.reconnected', at },
    ...waits.filter(([, state]) => state === value).map(([delay, state]) => endOfWait(processorMachine, delay, state)),
  ];
}

const exploration: Exploration<typeof processorMachine> = {
  input: {},
  events,
  isFarEnough: ({ context }) => context.sentAt >= 2,
  limit: 12_000,
};

const paths = explore(processorMachine, exploration);
const steps = paths.flatMap((path) => path.steps);

it('reaches every state', () => {
  expect(new Set(paths.map(({ end }) => end.value))).toEqual(new Set(processorStates));
});

it('changes its state in the ways of the picture alone', () => {
  const leaving = ['processor.deregister', 'processor.drain'];
  const working = ['ready', 'degraded', 'suspect'];
  const expected = [
    ...['registered', ...working].flatMap((from) => leaving.map((event) => `${from} → draining: ${event}`)),
    ...working.map((from) => `${from} → registered: instances.left`),
    ...['registered', 'degraded', 'suspect'].map((from) => `${from} → ready: heartbeat.arrived`),
    ...['registered', 'ready', 'suspect'].map((from) => `${from} → degraded: heartbeat.arrived`),
    ...['ready', 'degraded'].map((from) => `${from} → suspect: xstate.after.suspectMs.processor.${from}`),
    'registered → lost: xstate.after.returnMs.processor.registered',
    'suspect → lost: xstate.after.lostMs.processor.suspect',
    'draining → lost: xstate.after.lostMs.processor.draining',
    'lost → registered: heartbeat.arrived',
    'lost → registered: processor.registered',
    'draining → registered: processor.registered',
    'draining → registered: queue.returned',
    'draining → removed: instances.left',
    'draining → removed: queue.measured',
    'draining → removed: queue.returned',
    'lost → removed: queue.returned',
    ...leaving.map((event) => `lost → removed: ${event}`),
  ];
  expect(changesOf(processorMachine, exploration)).toEqual(expected.sort());
});

it('keeps its queue while it may work, on every path', () => {
  for (const { after } of steps) {
    if (['registered', 'ready', 'degraded', 'suspect'].includes(after.value)) {
      expect(after.context.queue).toBe('kept');
      expect(after.context.intent).toBe('stay');
    }
    if (after.value === 'lost') {
      expect(after.context.queue).not.toBe('kept');
      expect(after.context.instances).toBe(0);
    }
    expect(after.context.impairments.length > 0).toBe(after.value === 'degraded' || isAfterDegraded(after));
  }
});

/** What was wrong stays readable until it is ready again. */
function isAfterDegraded({ value, context }: ProcessorSnapshot): boolean {
  return value !== 'ready' && context.impairments.length > 0;
}

it('silence means nothing while the broker is away, on every path', () => {
  for (const { before, event, after } of steps) {
    if (before.context.broker === 'away' && event.type.startsWith('xstate.after.') && !event.type.includes('drainMs'))
      expect(after.context).toEqual(before.context);
    expect(after.context.silentSince).toBeGreaterThanOrEqual(before.context.silentSince);
  }
});

it('ends in removed for good, on every path', () => {
  for (const { before, after } of steps) if (before.value === 'removed') expect(after.value).toBe('removed');
});
