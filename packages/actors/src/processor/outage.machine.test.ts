/** When others are away: the broker, or the host itself. */
import { T0 } from '../../tests/live.ts';
import {
  beat,
  degraded,
  deregister,
  disconnected,
  draining,
  loss,
  lost,
  missed,
  type Row,
  ready,
  reconnected,
  removed,
  resumed,
  returned,
  suspect,
  verify,
  wait,
} from '../../tests/processor.table.ts';

const outages: readonly Row[] = [
  {
    title: 'P3: silence while the broker is away',
    events: [...ready, disconnected, wait('suspectMs', 'ready')],
    value: 'ready',
    context: { broker: 'away' },
  },
  {
    title: 'P3: of a degraded one',
    events: [...degraded, disconnected, wait('suspectMs', 'degraded')],
    value: 'degraded',
  },
  { title: 'P3: of a suspect one', events: [...suspect, disconnected, wait('lostMs', 'suspect')], value: 'suspect' },
  {
    title: 'P3: of a draining one',
    events: [...draining, disconnected, wait('lostMs', 'draining')],
    value: 'draining',
  },
  { title: 'P3: the host sees nothing either', events: [...ready, disconnected, missed(9_000)], value: 'ready' },
  {
    title: 'P3: grace after it came back',
    events: [...ready, disconnected, reconnected(20_000)],
    value: 'ready',
    context: { broker: 'here', silentSince: T0 + 25_000 },
    actions: ['cancel suspectMs', 'wait suspectMs 7000'],
  },
  {
    title: 'P3: grace of a degraded one',
    events: [...degraded, reconnected(20_000)],
    value: 'degraded',
    actions: ['cancel suspectMs', 'wait suspectMs 7000'],
  },
  {
    title: 'P3: grace of a suspect one',
    events: [...suspect, reconnected(20_000)],
    value: 'suspect',
    actions: ['cancel lostMs', 'wait lostMs 8000'],
  },
  {
    title: 'P3: grace of a draining one',
    events: [...draining, reconnected(20_000)],
    value: 'draining',
    actions: ['cancel lostMs', 'cancel drainMs', 'wait lostMs 8000', 'wait drainMs 40020'],
  },
  {
    title: 'P3: grace of a registered one',
    events: [reconnected(20_000)],
    value: 'registered',
    actions: ['cancel returnMs', 'wait returnMs 15000'],
  },
  {
    title: 'P3: a heartbeat in it does not shorten it',
    events: [...ready, reconnected(20_000), beat(20_500)],
    value: 'ready',
    context: { silentSince: T0 + 25_000 },
    actions: ['cancel suspectMs', 'wait suspectMs 6500'],
  },
  {
    title: 'P3: a lost one knows that the broker is away',
    events: [...lost, disconnected],
    value: 'lost',
    context: { broker: 'away' },
  },
  {
    title: 'P3: and that it is here',
    events: [...lost, disconnected, reconnected(20_000)],
    value: 'lost',
    context: { broker: 'here' },
  },
];

const restarts: readonly Row[] = [
  {
    title: 'P10: registered',
    events: [resumed(4_000)],
    value: 'registered',
    actions: ['cancel returnMs', 'provisionQueue', 'wait returnMs 6000'],
  },
  {
    title: 'P10: ready',
    events: [...ready, resumed(1_510)],
    value: 'ready',
    actions: ['cancel suspectMs', 'wait suspectMs 500'],
  },
  {
    title: 'P10: ready, too late',
    events: [...ready, resumed(99_000)],
    value: 'ready',
    actions: ['cancel suspectMs', 'wait suspectMs 0'],
  },
  {
    title: 'P10: ready, with a clock that was set back',
    events: [...ready, { type: 'clock.resumed', at: 1 }],
    value: 'ready',
    actions: ['cancel suspectMs', 'wait suspectMs 7000'],
  },
  {
    title: 'P10: degraded',
    events: [...degraded, resumed(1_510)],
    value: 'degraded',
    actions: ['cancel suspectMs', 'wait suspectMs 500'],
  },
  {
    title: 'P10: suspect',
    events: [...suspect, resumed(2_510)],
    value: 'suspect',
    actions: ['cancel lostMs', 'wait lostMs 500'],
  },
  {
    title: 'P10: suspect, with a clock that was set back',
    events: [...suspect, { type: 'clock.resumed', at: 1 }],
    value: 'suspect',
    actions: ['cancel lostMs', 'wait lostMs 8000'],
  },
  {
    title: 'P10: draining',
    events: [...draining, resumed(1_010)],
    value: 'draining',
    actions: ['cancel lostMs', 'cancel drainMs', 'wait lostMs 2000', 'wait drainMs 59010'],
  },
  {
    title: 'P10: draining, with a clock that was set back',
    events: [...draining, { type: 'clock.resumed', at: 1 }],
    value: 'draining',
    actions: ['cancel lostMs', 'cancel drainMs', 'wait lostMs 8000', 'wait drainMs 60000'],
  },
  {
    title: 'P10: draining, while its queue is returned',
    events: [...draining, deregister(30), resumed(1_010)],
    value: 'draining',
    actions: ['cancel lostMs', 'cancel drainMs', 'returnQueue', 'wait lostMs 2000', 'wait drainMs 59010'],
  },
  { title: 'P10: lost, while its queue is returned', events: [...lost, resumed(4_000)], value: 'lost', actions: loss },
  { title: 'P10: lost, its queue being returned', events: [...lost, returned, resumed(4_000)], value: 'lost' },
  { title: 'P10: removed', events: [...removed, resumed(4_000)], value: 'removed', actions: ['removeQueue'] },
];

verify({ outages, restarts });
