/** Words for what happens to a processor, and a table of what that makes of it. */
import { describe, expect, it } from 'vitest';
import type { Figures } from '../src/processor/figures.ts';
import type { ProcessorContext, ProcessorInput, ProcessorState } from '../src/processor/life.ts';
import { processorMachine } from '../src/processor/processor.machine.ts';
import { T0 } from './live.ts';
import { type AnyEvent, outcomeOf } from './pure.ts';

export type Event = AnyEvent<typeof processorMachine>;

/** Sent `sent` ms after the beginning and arrived at once, unless told otherwise. */
export function beat(sent: number, more: Figures & { at?: number; epoch?: number; instances?: number } = {}): Event {
  return { type: 'heartbeat.arrived', epoch: 0, instances: 2, sentAt: T0 + sent, ...more, at: T0 + (more.at ?? sent) };
}
export const at = (ms: number) => ({ at: T0 + ms });
export const wait = (delay: string, state: ProcessorState): Event => ({
  type: `xstate.after.${delay}.processor.${state}`,
});
export const drain = (ms: number): Event => ({ type: 'processor.drain', ...at(ms) });
export const deregister = (ms: number): Event => ({ type: 'processor.deregister', ...at(ms) });
export const measured = (tasks: number, ms = 100): Event => ({ type: 'queue.measured', tasks, ...at(ms) });
export const left = (ms: number): Event => ({ type: 'instances.left', ...at(ms) });
export const missed = (ms: number): Event => ({ type: 'heartbeats.missed', ...at(ms) });
export const resumed = (ms: number): Event => ({ type: 'clock.resumed', ...at(ms) });
export const reconnected = (ms: number): Event => ({ type: 'broker.reconnected', ...at(ms) });
export const disconnected: Event = { type: 'broker.disconnected' };
export const returned: Event = { type: 'queue.returned' };
export const registered = (epoch: number, ms: number, liveness: 'heartbeat' | 'registration' = 'heartbeat'): Event => ({
  type: 'processor.registered',
  epoch,
  liveness,
  ...at(ms),
});

/** What leads there, the last heartbeat being of 10 ms. */
export const ready = [beat(10)];
export const degraded = [beat(10, { failureShare: 0.6 })];
export const suspect = [...ready, wait('suspectMs', 'ready')];
export const lost = [...suspect, wait('lostMs', 'suspect')];
export const draining = [...ready, drain(20)];
export const removed = [...draining, left(30), returned];

export const suspectWait = ['cancel suspectMs', 'wait suspectMs 2000'];
export const loss = ['announceLost', 'returnQueue'];

export interface Row {
  readonly title: string;
  readonly input?: ProcessorInput;
  readonly events: readonly Event[];
  readonly value: ProcessorState;
  readonly context?: Partial<ProcessorContext>;
  readonly actions?: readonly string[];
}

export function verify(tables: Readonly<Record<string, readonly Row[]>>): void {
  describe.each(Object.entries(tables))('processor - %s', (_, rows) => {
    it.each(rows)('$title', ({ input = { at: T0 }, events, value, context = {}, actions = [] }) => {
      const outcome = outcomeOf(processorMachine, input, events);
      expect(outcome.value).toBe(value);
      expect(outcome.context).toMatchObject(context);
      expect(outcome.actions).toEqual(actions);
    });
  });
}
