/** An actor on a simulated clock, with ports that record, that can be restarted as a host would restart it. */
import {
  type Actor,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ContextFrom,
  createActor,
  type EventFromLogic,
  type InputFrom,
  SimulatedClock,
} from 'xstate';
import { persist, restore } from '../src/persistence.ts';

/** Unix time at which every test begins. */
export const T0 = 1_000_000;

/** More in one advance are timers that wait for nothing, for ever. */
const MOST_TURNS = 1_000;

/** Goes from timer to timer, so that a timer that is set by a timer starts when that one was due. */
class SteppingClock extends SimulatedClock {
  readonly #due = new Map<number, number>();

  override setTimeout(fn: (...args: unknown[]) => void, timeout: number): number {
    const id: number = super.setTimeout((...args: unknown[]) => {
      this.#due.delete(id);
      fn(...args);
    }, timeout);
    this.#due.set(id, this.now() + timeout);
    return id;
  }

  override clearTimeout(id: number): void {
    this.#due.delete(id);
    super.clearTimeout(id);
  }

  /** How many timers run. */
  get running(): number {
    return this.#due.size;
  }

  advance(ms: number): void {
    const until = this.now() + ms;
    for (let turns = 0; ; turns += 1) {
      const next = Math.min(...this.#due.values());
      if (next > until) break;
      if (turns === MOST_TURNS) throw new Error(`timers that set one another: ${turns} within ${ms} ms`);
      this.set(next);
    }
    this.set(until);
  }
}

export interface Live<TMachine extends AnyStateMachine> {
  readonly actor: Actor<TMachine>;
  /** Ports that were called, in order, and emptied by reading. */
  readonly takeCalls: () => readonly string[];
  /** Every state in order, the present one last. */
  readonly visited: readonly string[];
  readonly state: () => string;
  readonly context: () => ContextFrom<TMachine>;
  /** Unix time. */
  readonly now: () => number;
  /** How many timers run. */
  readonly timers: () => number;
  readonly send: (event: EventFromLogic<TMachine>) => void;
  readonly advance: (ms: number) => void;
  /** Persisted as JSON, gone for so long, restored, and told the time unless `mute`. */
  readonly restart: (options?: { readonly goneMs?: number; readonly mute?: boolean }) => void;
}

/** @param ports names of the machine's actions that its host binds */
export function live<TMachine extends AnyStateMachine>(
  bare: TMachine,
  input: InputFrom<TMachine>,
  ports: readonly string[] = [],
): Live<TMachine> {
  const clock = new SteppingClock();
  const calls: string[] = [];
  const visited: string[] = [];
  const machine = bare.provide({
    actions: Object.fromEntries(ports.map((port) => [port, () => void calls.push(port)])),
  }) as TMachine;

  const begin = (options: object): Actor<TMachine> => {
    const begun = createActor(machine, { clock, input, ...options } as never);
    begun.subscribe(({ value }: AnyMachineSnapshot) => {
      if (visited.at(-1) !== value) visited.push(value);
    });
    begun.start();
    return begun;
  };
  let actor = begin({});
  const present = (): AnyMachineSnapshot => actor.getSnapshot();
  const now = () => T0 + clock.now();

  return {
    get actor() {
      return actor;
    },
    takeCalls: () => calls.splice(0),
    visited,
    state: () => present().value,
    context: () => present().context,
    now,
    timers: () => clock.running,
    send: (event) => actor.send(event),
    advance: (ms) => clock.advance(ms),
    restart({ goneMs = 0, mute = false } = {}) {
      const stored: unknown = JSON.parse(JSON.stringify(persist(machine, actor.getSnapshot())));
      actor.stop();
      clock.advance(goneMs);
      const restored = restore(machine, stored, { input });
      if (!restored.restored) throw new Error(`set aside: ${restored.detail}`);
      actor = begin({ snapshot: restored.snapshot });
      if (!mute) actor.send({ type: 'clock.resumed', at: now() } as never);
      // What is due happens now.
      clock.advance(0);
    },
  };
}
