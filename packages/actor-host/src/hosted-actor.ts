/** What a host is given, and what it gives back. */
import type { Migrations } from '@frame-buffer/actors';
import type { EventLog } from '@frame-buffer/jetstream';
import type { Logger } from '@frame-buffer/telemetry';
import type { AnyStateMachine, EventFrom, InputFrom, SnapshotFrom } from 'xstate';
import type { Ports } from './effects.ts';
import type { ActorStore } from './keeper.ts';
import type { Transition } from './transitions.ts';

export interface HostOptions<TMachine extends AnyStateMachine> {
  readonly machine: TMachine;
  /** Both become tokens of `events.<kind>.<id>` and of the key `<kind>.<id>`. */
  readonly kind: string;
  readonly id: string;
  readonly input: InputFrom<TMachine>;
  /** By the name of the machine's action. */
  readonly ports: Ports<TMachine>;
  readonly events: Pick<EventLog, 'record'>;
  readonly log: Logger;
  /** This host's instance. */
  readonly by: string;
  /** Without it nothing survives, and effects begin at once. */
  readonly snapshots?: ActorStore;
  readonly migrations?: Migrations;
  /** Is a change of context worth a write? A change of state and a step with effects always are. Default: no. */
  readonly isWorthKeeping?: (kept: SnapshotFrom<TMachine>, now: SnapshotFrom<TMachine>) => boolean;
  readonly onTransition?: (transition: Transition, snapshot: SnapshotFrom<TMachine>) => void;
  /** Told once, after the host has stopped. */
  readonly onSuperseded?: () => void;
}

export interface HostedActor<TMachine extends AnyStateMachine> {
  readonly snapshot: SnapshotFrom<TMachine>;
  readonly state: string;
  /** When it came into its state; ISO 8601. */
  readonly since: string;
  readonly cause: string;
  /** Does it go on from what was kept? Then the machine may want to hear that its clock has been resumed. */
  readonly isRestored: boolean;
  /** Stopped, or superseded. */
  readonly isEnded: boolean;
  /** Ignored when it is no longer hosted here. */
  send(event: EventFrom<TMachine>): void;
  /** Resolves when everything until now is kept and its effects have begun, or the host has ended. */
  settled(): Promise<void>;
  /** Ends it here; what is kept stays. */
  stop(): Promise<void>;
  /** Ends it for good: nothing stays. */
  remove(): Promise<void>;
}
