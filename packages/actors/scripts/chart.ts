/** A machine's definition as data and as a picture. Both are read from the machine itself, so they cannot say anything else. */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

export interface ChartTransition {
  /** The event, `after <delay>`, or `always`. */
  readonly on: string;
  readonly guard?: string;
  /** Missing when the state stays as it is. */
  readonly target?: string;
  /** The state is left and entered anew. */
  readonly reenter?: true;
  readonly actions?: readonly string[];
}

export interface ChartState {
  readonly entry?: readonly string[];
  readonly exit?: readonly string[];
  readonly transitions: readonly ChartTransition[];
}

export interface Chart {
  readonly machine: string;
  readonly version: number;
  readonly initial: string;
  /** Of the machine as a whole: what happens at its beginning, and to events that the present state does not take. */
  readonly everywhere: ChartState;
  readonly states: Readonly<Record<string, ChartState>>;
}

interface Named {
  readonly type: string;
  readonly params?: unknown;
}

export function chartOf(machine: AnyStateMachine): Chart {
  const { root } = machine;
  return {
    machine: machine.id,
    version: Number(machine.version ?? 1),
    initial: root.initial.target.map(({ key }) => key).join(),
    everywhere: stateOf(root),
    states: Object.fromEntries(Object.values(root.states).map((node) => [node.key, stateOf(node)])),
  };
}

/** A Mermaid state diagram: every change of state, with its events; what changes no state is left to the JSON. */
export function mermaidOf(chart: Chart): string {
  const names = Object.keys(chart.states);
  const lines = names.flatMap((from) => arrowsFrom(from, chart, names));
  return ['stateDiagram-v2', `  [*] --> ${chart.initial}`, ...lines].join('\n');
}

/** One arrow for each target, with all that leads there. */
function arrowsFrom(from: string, { states, everywhere }: Chart, names: readonly string[]): readonly string[] {
  const own = states[from]?.transitions ?? [];
  const taken = new Set(own.filter(({ guard }) => guard === undefined).map(({ on }) => on));
  const inherited = everywhere.transitions.filter(({ on }) => !taken.has(on));
  return names.flatMap((target) => {
    const labels = [...own, ...inherited].filter((transition) => leadsTo(transition, from, target)).map(labelOf);
    return labels.length === 0 ? [] : [`  ${from} --> ${target} : ${[...new Set(labels)].join('<br/>')}`];
  });
}

/** A state that is merely entered anew is no arrow: it says how timers are set, not where the machine goes. */
function leadsTo({ target }: ChartTransition, from: string, to: string): boolean {
  return target === to && from !== to;
}

function labelOf({ on, guard }: ChartTransition): string {
  return guard === undefined ? on : `${on} [${guard}]`;
}

function stateOf(node: AnyStateNode): ChartState {
  const transitions = [...node.transitions.values(), node.always ?? []].flat();
  return {
    ...listed('entry', node.entry),
    ...listed('exit', node.exit),
    transitions: transitions.map((transition) => {
      const { eventType, guard, target, reenter, actions } = transition;
      return {
        on: eventName(eventType),
        ...(guard === undefined ? {} : { guard: spell(guard as Named | string) }),
        ...(target === undefined ? {} : { target: target.map(({ key }) => key).join() }),
        ...(reenter ? { reenter: true as const } : {}),
        ...listed('actions', actions),
      };
    }),
  };
}

/** `xstate.after.recoveryMs.breaker.open` → `after recoveryMs` */
function eventName(type: string): string {
  if (type === '') return 'always';
  return type.startsWith(AFTER) ? `after ${type.slice(AFTER.length).split('.')[0]}` : type;
}

const AFTER = 'xstate.after.';

/** Those of the definition, if any: what sets and ends the timers of `after` is the library's. */
function listed<K extends string>(key: K, actions: readonly unknown[]): Partial<Record<K, readonly string[]>> {
  const own = actions.filter((action) => typeof action !== 'function').map((action) => spell(action as Named | string));
  return own.length === 0 ? {} : ({ [key]: own } as unknown as Partial<Record<K, readonly string[]>>);
}

function spell(part: Named | string): string {
  if (typeof part === 'string') return part;
  const values = typeof part.params === 'object' && part.params !== null ? Object.values(part.params) : [];
  return values.length === 0 ? part.type : `${part.type} ${values.join(' ')}`;
}
