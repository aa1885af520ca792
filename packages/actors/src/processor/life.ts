/** What a processor's life consists of: its states, what is remembered of it, and what happens to it. */
import type { Figures, Impairment } from './figures.ts';
import type { ProcessorSettings } from './settings.ts';

export const processorStates = ['registered', 'ready', 'degraded', 'suspect', 'draining', 'lost', 'removed'] as const;

export type ProcessorState = (typeof processorStates)[number];

/** `heartbeat`: it lives while an instance's heartbeat does. `registration`: until it is deregistered. */
export type Liveness = 'heartbeat' | 'registration';

export interface ProcessorInput {
  /** See `processorSettings`; missing ones have its defaults. */
  readonly settings?: Partial<ProcessorSettings>;
  /** Default `heartbeat`. */
  readonly liveness?: Liveness;
  /** Of its registration: grows each time that it registers. Default 0. */
  readonly epoch?: number;
  /** When it registered. Default 0. */
  readonly at?: number;
}

export interface ProcessorContext {
  readonly settings: ProcessorSettings;
  readonly liveness: Liveness;
  readonly epoch: number;
  /** With a live heartbeat. */
  readonly instances: number;
  /** What is wrong, while degraded. */
  readonly impairments: readonly Impairment[];
  /** When the newest heartbeat was sent; 0 before the first. */
  readonly sentAt: number;
  /** From when on silence counts; in the future during a grace period. */
  readonly silentSince: number;
  readonly broker: 'here' | 'away';
  /** In its queue, waiting or being worked; null when not known. */
  readonly tasks: number | null;
  readonly queue: 'kept' | 'returning' | 'returned';
  /** What happens once its queue was returned. */
  readonly intent: 'stay' | 'leave';
  /** When it was told to drain; 0 before. */
  readonly drainingSince: number;
}

interface Heartbeat extends Figures {
  readonly epoch: number;
  /** Alive, at least 1. */
  readonly instances: number;
  /** When the newest of the aggregated heartbeats was sent: the broker's stamp. */
  readonly sentAt: number;
  readonly at: number;
}

export type ProcessorEvent =
  | ({ readonly type: 'heartbeat.arrived' } & Heartbeat)
  /** The host knows by other means that silence has lasted, and need not wait for the actor's timer. */
  | { readonly type: 'heartbeats.missed'; readonly at: number }
  /** The last instance said that it goes. */
  | { readonly type: 'instances.left'; readonly at: number }
  | { readonly type: 'queue.measured'; readonly tasks: number; readonly at: number }
  | { readonly type: 'queue.returned' }
  | { readonly type: 'processor.registered'; readonly epoch: number; readonly liveness: Liveness; readonly at: number }
  /** No new work; what is queued is finished. */
  | { readonly type: 'processor.drain'; readonly at: number }
  /** Away at once; what is queued is returned. */
  | { readonly type: 'processor.deregister'; readonly at: number }
  | { readonly type: 'broker.disconnected' }
  | { readonly type: 'broker.reconnected'; readonly at: number }
  /** A persisted snapshot goes on living. */
  | { readonly type: 'clock.resumed'; readonly at: number };
