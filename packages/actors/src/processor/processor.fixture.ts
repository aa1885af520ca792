/** A processor on a simulated clock, with ports that record. */
import { type Live, live, T0 } from '../../tests/live.ts';
import type { Figures } from './figures.ts';
import type { ProcessorState } from './life.ts';
import { processorMachine } from './processor.machine.ts';

const ports = ['provisionQueue', 'announceLost', 'returnQueue', 'removeQueue'] as const;

export interface TestProcessor extends Live<typeof processorMachine> {
  /** A heartbeat that was just sent, unless told otherwise. */
  readonly beat: (heartbeat?: BeatOptions) => void;
}

export interface BeatOptions extends Figures {
  /** How long ago it was sent; below 0 it comes from the future. */
  readonly ageMs?: number;
  readonly epoch?: number;
}

export function startProcessor(): TestProcessor {
  const processor = live(processorMachine, { at: T0 }, ports);
  const beat = ({ ageMs = 0, epoch = 0, ...figures }: BeatOptions = {}) =>
    processor.send({
      type: 'heartbeat.arrived',
      epoch,
      instances: 1,
      sentAt: processor.now() - ageMs,
      at: processor.now(),
      ...figures,
    });
  return Object.defineProperties({} as TestProcessor, {
    ...Object.getOwnPropertyDescriptors(processor),
    beat: { value: beat },
  });
}

/** Brings it there from its beginning, and forgets the ports that were called. */
export function processorIn(state: Exclude<ProcessorState, 'lost' | 'removed'>): TestProcessor {
  const processor = startProcessor();
  if (state !== 'registered') {
    processor.advance(1);
    processor.beat(state === 'degraded' ? { failureShare: 1 } : {});
  }
  if (state === 'suspect') processor.advance(processor.context().settings.suspectMs);
  if (state === 'draining') processor.send({ type: 'processor.drain', at: processor.now() });
  processor.takeCalls();
  return processor;
}
