/**
 * The inspection bridge: what an actor's inspector sees, as transitions for logs and the audit log. Pure.
 *
 * An event that leaves the state as it was is no transition: heartbeats would drown everything else.
 */
import type { InspectionEvent, Snapshot } from 'xstate';

export interface Transition {
  /** Undefined for the state that an actor begins in. */
  readonly from: string | undefined;
  readonly to: string;
  /** What brought it there: the event, or the delay that has passed. */
  readonly cause: string;
}

/** One macrostep: the event, the snapshot after it, and the transition, if it was one. */
export interface Step {
  readonly snapshot: Snapshot<unknown>;
  readonly transition: Transition | undefined;
}

/** `initial`: the state that a restored actor goes on from. Returns what is given to `createActor` as `inspect`. */
export function inspectSteps(
  rootId: () => string,
  initial: string | undefined,
  onStep: (step: Step) => void,
): (inspected: InspectionEvent) => void {
  let state = initial;
  return (inspected) => {
    // Invoked children have inspectors of their own.
    if (inspected.type !== '@xstate.snapshot' || inspected.actorRef.sessionId !== rootId()) return;
    const { snapshot, event } = inspected;
    const to = stateName((snapshot as { value?: unknown }).value);
    const from = state;
    state = to;
    onStep({ snapshot, transition: from === to ? undefined : { from, to, cause: causeOf(event) } });
  };
}

/** `ready`, or `streaming.throttled` for a state within another; parallel ones are joined by `+`. */
export function stateName(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([name, inner]) => [name, stateName(inner)].filter((part) => part !== '').join('.'))
    .join('+');
}

const MAX_DETAIL = 200;

function causeOf(event: { readonly type: string; readonly [field: string]: unknown }): string {
  const [kind, what, delay] = event.type.split('.');
  if (kind !== 'xstate') return withDetail(event.type, event);
  if (what === 'init') return 'started';
  return what === 'after' ? `after ${delay}` : event.type;
}

/** Events may carry a word of explanation. */
function withDetail(type: string, event: { readonly [field: string]: unknown }): string {
  const detail = event['reason'] ?? event['cause'];
  return typeof detail === 'string' ? `${type}: ${detail.slice(0, MAX_DETAIL)}` : type;
}
