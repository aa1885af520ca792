/** Its life while it works: heartbeats, figures, silence, registration. */
import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import { T0 } from '../../tests/live.ts';
import {
  beat,
  degraded,
  deregister,
  draining,
  loss,
  lost,
  measured,
  missed,
  type Row,
  ready,
  registered,
  removed,
  returned,
  suspect,
  suspectWait,
  verify,
  wait,
} from '../../tests/processor.table.ts';
import { outcomeOf } from '../../tests/pure.ts';
import { processorStates } from './life.ts';
import { isReceptive, processorMachine } from './processor.machine.ts';

const life: readonly Row[] = [
  {
    title: 'begins registered, with a queue',
    events: [],
    value: 'registered',
    context: { instances: 0, tasks: null, queue: 'kept', intent: 'stay', epoch: 0, silentSince: T0 },
    actions: ['provisionQueue', 'wait returnMs 10000'],
  },
  {
    title: 'P1: the first heartbeat makes it ready',
    events: ready,
    value: 'ready',
    context: { instances: 2, sentAt: T0 + 10, silentSince: T0 + 10, impairments: [] },
    actions: ['cancel returnMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P1: every further one begins the wait anew',
    events: [...ready, beat(1_000)],
    value: 'ready',
    context: { silentSince: T0 + 1_000 },
    actions: suspectWait,
  },
  {
    title: 'P1: an old heartbeat proves life as of when it was sent',
    events: [beat(10, { at: 1_510 })],
    value: 'ready',
    context: { silentSince: T0 + 10 },
    actions: ['cancel returnMs', 'wait suspectMs 500'],
  },
  {
    title: 'P1: one that is a little ahead counts as of now',
    events: [beat(900, { at: 0 })],
    value: 'ready',
    context: { silentSince: T0, sentAt: T0 + 900 },
    actions: ['cancel returnMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P1: by registration it is ready at once',
    input: { liveness: 'registration', at: T0 },
    events: [],
    value: 'ready',
    actions: ['provisionQueue', 'wait returnMs 10000', 'cancel returnMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P1: by registration silence is nothing',
    input: { liveness: 'registration', at: T0 },
    events: [wait('suspectMs', 'ready')],
    value: 'ready',
  },
  {
    title: 'P1: by registration silence after a heartbeat is nothing',
    input: { liveness: 'registration', at: T0 },
    events: [...ready, missed(9_000)],
    value: 'ready',
  },
  {
    title: 'P2: silence makes it suspect',
    events: suspect,
    value: 'suspect',
    actions: ['cancel suspectMs', 'wait lostMs 1000'],
  },
  {
    title: 'P2: silence makes a degraded one suspect',
    events: [...degraded, wait('suspectMs', 'degraded')],
    value: 'suspect',
    actions: ['cancel suspectMs', 'wait lostMs 1000'],
  },
  {
    title: 'P2: a suspect one has an untouched queue',
    events: suspect,
    value: 'suspect',
    context: { queue: 'kept' },
    actions: ['cancel suspectMs', 'wait lostMs 1000'],
  },
  {
    title: 'P2: a heartbeat makes it ready',
    events: [...suspect, beat(2_500)],
    value: 'ready',
    actions: ['cancel lostMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P2: or degraded',
    events: [...suspect, beat(2_500, { blockedMs: 6_000 })],
    value: 'degraded',
    actions: ['cancel lostMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P2: more silence makes it lost',
    events: lost,
    value: 'lost',
    context: { instances: 0, tasks: null, queue: 'returning' },
    actions: ['cancel lostMs', ...loss],
  },
  {
    title: 'P2: the host may see silence itself',
    events: [...ready, missed(2_010)],
    value: 'suspect',
    actions: ['cancel suspectMs', 'wait lostMs 1000'],
  },
  { title: 'P2: but not before its time', events: [...ready, missed(2_009)], value: 'ready' },
  {
    title: 'P2: of a degraded one too',
    events: [...degraded, missed(2_510)],
    value: 'suspect',
    actions: ['cancel suspectMs', 'wait lostMs 500'],
  },
  { title: 'P2: not before its time of a degraded one', events: [...degraded, missed(2_009)], value: 'degraded' },
  {
    title: 'P2: and of a suspect one',
    events: [...suspect, missed(3_010)],
    value: 'lost',
    actions: ['cancel lostMs', ...loss],
  },
  { title: 'P2: not before its time of a suspect one', events: [...suspect, missed(3_009)], value: 'suspect' },
];

const heartbeats: readonly Row[] = [
  {
    title: 'P4: of an earlier epoch',
    input: { epoch: 3, at: T0 },
    events: [beat(10, { epoch: 2 })],
    value: 'registered',
  },
  {
    title: 'P4: of a later epoch, which is then its own',
    input: { epoch: 3, at: T0 },
    events: [beat(10, { epoch: 4 }), beat(20, { epoch: 3 })],
    value: 'ready',
    context: { epoch: 4, sentAt: T0 + 10 },
  },
  { title: 'P4: from the future', events: [beat(1_001, { at: 0 })], value: 'registered' },
  {
    title: 'P4: as far ahead as clocks may be',
    events: [beat(1_000, { at: 0 })],
    value: 'ready',
    actions: ['cancel returnMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P4: the same once more',
    events: [...ready, beat(10, { at: 500 })],
    value: 'ready',
    context: { silentSince: T0 + 10 },
  },
  { title: 'P4: an older one', events: [...ready, beat(9, { at: 500 })], value: 'ready', context: { sentAt: T0 + 10 } },
  { title: 'P4: as old as silence', events: [beat(10, { at: 2_010 })], value: 'registered' },
  { title: 'P4: as old as silence, while suspect', events: [...suspect, beat(11, { at: 2_500 })], value: 'suspect' },
  {
    title: 'P4: as old as silence, while degraded',
    events: [...degraded, beat(11, { at: 2_500 })],
    value: 'degraded',
    context: { sentAt: T0 + 10 },
  },
  {
    title: 'P4: from the future, while draining',
    events: [...draining, beat(5_000, { at: 30 })],
    value: 'draining',
    context: { sentAt: T0 + 10 },
  },
  { title: 'P4: from the future, while lost', events: [...lost, returned, beat(9_000, { at: 4_000 })], value: 'lost' },
  { title: 'P4: of no instance', events: [beat(10, { instances: 0 })], value: 'registered' },
];

const figures: readonly Row[] = [
  {
    title: 'P6: failing',
    events: degraded,
    value: 'degraded',
    context: { impairments: ['failing'] },
    actions: ['cancel returnMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P6: slow',
    events: [beat(10, { latencyMs: 30_001 })],
    value: 'degraded',
    context: { impairments: ['slow'] },
    actions: ['cancel returnMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P6: blocking',
    events: [beat(10, { blockedMs: 5_001 })],
    value: 'degraded',
    context: { impairments: ['blocking'] },
    actions: ['cancel returnMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P6: hung',
    events: [beat(10, { stuckMs: 60_001 })],
    value: 'degraded',
    context: { impairments: ['hung'] },
    actions: ['cancel returnMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P6: at its bounds',
    events: [beat(10, { failureShare: 0.5, latencyMs: 30_000, blockedMs: 5_000, stuckMs: 60_000 })],
    value: 'ready',
    actions: ['cancel returnMs', 'wait suspectMs 2000'],
  },
  {
    title: 'P6: from ready to degraded',
    events: [...ready, beat(1_000, { failureShare: 0.51 })],
    value: 'degraded',
    context: { impairments: ['failing'] },
    actions: suspectWait,
  },
  {
    title: 'P6: hardly better',
    events: [...degraded, beat(1_000, { failureShare: 0.41 })],
    value: 'degraded',
    context: { impairments: ['failing'] },
    actions: suspectWait,
  },
  {
    title: 'P6: something else',
    events: [...degraded, beat(1_000, { latencyMs: 90_000 })],
    value: 'degraded',
    context: { impairments: ['slow'] },
    actions: suspectWait,
  },
  {
    title: 'P6: well again',
    events: [...degraded, beat(1_000, { failureShare: 0.4 })],
    value: 'ready',
    context: { impairments: [] },
    actions: suspectWait,
  },
];

const registrations: readonly Row[] = [
  {
    title: 'a new epoch',
    events: [...ready, registered(4, 50)],
    value: 'ready',
    context: { epoch: 4, silentSince: T0 + 10 },
  },
  {
    title: 'an old one',
    input: { epoch: 5, at: T0 },
    events: [registered(4, 50)],
    value: 'registered',
    context: { epoch: 5 },
  },
  {
    title: 'another liveness',
    events: [registered(1, 50, 'registration')],
    value: 'ready',
    context: { liveness: 'registration' },
    actions: ['cancel returnMs', 'wait suspectMs 1950'],
  },
  {
    title: 'its queue is measured while ready',
    events: [...ready, measured(7)],
    value: 'ready',
    context: { tasks: 7 },
  },
];

verify({ life, heartbeats, figures, registrations });

it('takes work while ready or degraded', () => {
  const reached = { registered: [], ready, degraded, suspect, draining, lost, removed };
  const receptive = processorStates.filter((state) => {
    const { snapshot } = outcomeOf(processorMachine, { at: T0 }, reached[state]);
    expect(snapshot.value).toBe(state);
    return isReceptive(snapshot);
  });
  expect(receptive).toEqual(['ready', 'degraded']);
});

describe('processor - ports', () => {
  it.each([
    ['provisionQueue', []],
    ['announceLost', lost],
    ['returnQueue', [deregister(10)]],
    ['removeQueue', removed],
  ] as const)('%s fails loudly when it is not bound', (port, events) => {
    const others = ['provisionQueue', 'announceLost', 'returnQueue', 'removeQueue'].filter((name) => name !== port);
    const machine = processorMachine.provide({ actions: Object.fromEntries(others.map((name) => [name, () => {}])) });
    const actor = createActor(machine, { input: { at: T0 } });
    const errors: unknown[] = [];
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    for (const event of events) actor.send(event as never);
    actor.stop();
    expect(String(errors[0])).toContain(`${port} is not bound`);
  });
});
