/** A machine as a function: what one event makes of it, and which actions it asks for. Nothing runs. */
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ContextFrom,
  type EventFromLogic,
  type ExecutableActionsFrom,
  type InputFrom,
  initialTransition,
  type SnapshotFrom,
  transition,
} from 'xstate';

/** Also what a machine tells itself, such as the end of a wait. */
export type AnyEvent<TMachine extends AnyStateMachine> =
  | EventFromLogic<TMachine>
  | { readonly type: `xstate.after.${string}` };

export interface Outcome<TMachine extends AnyStateMachine> {
  readonly value: SnapshotFrom<TMachine>['value'];
  readonly context: ContextFrom<TMachine>;
  readonly snapshot: SnapshotFrom<TMachine>;
  /** Of the last event: `port`, `wait <event> <ms>` and `cancel <timer>`, in order. */
  readonly actions: readonly string[];
}

/** Of `events`, one after the other, on a new machine; of its beginning when there are none. */
export function outcomeOf<TMachine extends AnyStateMachine>(
  machine: TMachine,
  input: InputFrom<TMachine>,
  events: readonly AnyEvent<TMachine>[] = [],
): Outcome<TMachine> {
  const begin: readonly [SnapshotFrom<TMachine>, readonly ExecutableActionsFrom<TMachine>[]] = initialTransition(
    machine,
    input,
  );
  const [snapshot, actions] = events.reduce((before, event) => {
    const next = transition(machine, before[0], event as EventFromLogic<TMachine>);
    return [next[0], next[1]] as typeof begin;
  }, begin);
  const { value, context }: AnyMachineSnapshot = snapshot;
  return { value, context, snapshot, actions: actions.map(spell) };
}

function spell(action: { readonly type: string; readonly params?: unknown }): string {
  const params = action.params as { event: { type: string }; delay?: number; sendId?: string } | undefined;
  if (action.type === 'xstate.raise') return `wait ${shortened(params?.event.type)} ${params?.delay}`;
  if (action.type === 'xstate.cancel') return `cancel ${shortened(params?.sendId)}`;
  return action.type;
}

/** `xstate.after.recoveryMs.breaker.open` → `recoveryMs` */
function shortened(name = ''): string {
  return name.startsWith('xstate.after.') ? (name.split('.')[2] ?? name) : name;
}
