/**
 * Ports: what a machine's named actions do in the world, and the holding back of them until they may begin.
 */
import type { AnyStateMachine, SnapshotFrom } from 'xstate';

export interface PortCall<TMachine extends AnyStateMachine> {
  /** The snapshot after the step that asked for this. */
  readonly snapshot: SnapshotFrom<TMachine>;
  /** What the machine gives the action beside, if anything. */
  readonly params: unknown;
  /** Aborted when the actor is no longer hosted here: long work ends. */
  readonly signal: AbortSignal;
}

/** Idempotent where the machine says so. A rejection is logged; whoever must succeed repeats by itself. */
export type Port<TMachine extends AnyStateMachine> = (call: PortCall<TMachine>) => void | Promise<void>;

export type Ports<TMachine extends AnyStateMachine> = Readonly<Record<string, Port<TMachine>>>;

export interface Effect {
  readonly name: string;
  readonly params: unknown;
}

/** Implementations for `machine.provide`: each notes that it was asked for, and does nothing. */
export function deferred(
  names: readonly string[],
  onAsked: (effect: Effect) => void,
): Record<string, (_args: unknown, params: unknown) => void> {
  return Object.fromEntries(
    names.map((name) => [name, (_args: unknown, params: unknown) => onAsked({ name, params })] as const),
  );
}
