/** Every state that a machine can get into by a set of events, each by its shortest path. */
import type { AnyMachineSnapshot, AnyStateMachine, InputFrom, SnapshotFrom } from 'xstate';
import { getAdjacencyMap, getShortestPaths } from 'xstate/graph';
import type { AnyEvent } from './pure.ts';

export interface Exploration<TMachine extends AnyStateMachine> {
  readonly input: InputFrom<TMachine>;
  /** That may happen next. Few values of each, or there is no end to it. */
  readonly events: (snapshot: SnapshotFrom<TMachine>) => readonly AnyEvent<TMachine>[];
  /** Transitions that are tried at most. */
  readonly limit: number;
  /** Snapshots beyond it are not gone on from. */
  readonly isFarEnough?: (snapshot: SnapshotFrom<TMachine>) => boolean;
}

export interface Path<TMachine extends AnyStateMachine> {
  readonly end: SnapshotFrom<TMachine>;
  /** The events, each with what was before it and after it. */
  readonly steps: readonly {
    readonly before: SnapshotFrom<TMachine>;
    readonly event: AnyEvent<TMachine>;
    readonly after: SnapshotFrom<TMachine>;
  }[];
}

export function explore<TMachine extends AnyStateMachine>(
  machine: TMachine,
  exploration: Exploration<TMachine>,
): readonly Path<TMachine>[] {
  return getShortestPaths(machine, optionsOf(exploration)).map(({ state, steps }) => ({
    end: state as SnapshotFrom<TMachine>,
    steps: steps.slice(1).map(({ event, state: after }, index) => ({
      before: steps[index]?.state as SnapshotFrom<TMachine>,
      event: event as AnyEvent<TMachine>,
      after: after as SnapshotFrom<TMachine>,
    })),
  }));
}

interface Neighbours {
  readonly state: AnyMachineSnapshot;
  readonly transitions: Readonly<
    Record<string, { readonly state: AnyMachineSnapshot; readonly event: { readonly type: string } }>
  >;
}

/** Every change of state that the events bring about, from wherever they get the machine: `open → closed: breaker.reset`, sorted. */
export function changesOf<TMachine extends AnyStateMachine>(
  machine: TMachine,
  exploration: Exploration<TMachine>,
): readonly string[] {
  const map = getAdjacencyMap(machine, optionsOf(exploration)) as Readonly<Record<string, Neighbours>>;
  const changes = Object.values(map).flatMap(({ state: before, transitions }) =>
    Object.values(transitions)
      .filter(({ state: after }) => after.value !== before.value)
      .map(({ event, state: after }) => `${before.value} → ${after.value}: ${event.type}`),
  );
  return [...new Set(changes)].sort();
}

/** The graph functions' types want the events of one machine, not of any. */
function optionsOf<TMachine extends AnyStateMachine>(exploration: Exploration<TMachine>): never {
  const { input, events, limit, isFarEnough } = exploration;
  const serializeState = ({ value, context }: AnyMachineSnapshot) => JSON.stringify([value, context]);
  return {
    input,
    events,
    limit,
    serializeState,
    ...(isFarEnough === undefined ? {} : { stopWhen: isFarEnough }),
  } as never;
}

/** An end of a wait, as the machine tells it itself. */
export function endOfWait(machine: AnyStateMachine, delay: string, state: string) {
  return { type: `xstate.after.${delay}.${machine.id}.${state}` } as const;
}
