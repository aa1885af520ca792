/**
 * Hosts one actor: a pure machine, bound to NATS.
 *
 *   H1  Every transition is logged and in EVENTS, once, with from, to and cause.
 *   H2  With a store, an effect begins only after the snapshot that asked for it is kept, and so does its entry in EVENTS: what was
 *       not kept has not happened, for nobody.
 *   H3  Writes follow one another; steps that come while one is under way are kept together by the next.
 *   H4  Whoever finds that somebody else has written stops, tells it (`superseded`), and never overwrites.
 *   H5  A start goes on from what is kept. What cannot be gone on from is set aside beside its key, told, and begun anew.
 *
 *   loading ──▶ hosting ── conflict ──▶ superseded
 *                  └────── stop() ────▶ stopped
 */
import { persist, restore, versionOf } from '@frame-buffer/actors';
import { type ActorRecord, actorKey, actorRecordSchema } from '@frame-buffer/protocol';
import {
  type Actor,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type EventFrom,
  type SnapshotFrom,
} from 'xstate';
import { deferred, type Effect } from './effects.ts';
import type { HostedActor, HostOptions } from './hosted-actor.ts';
import { Keeper } from './keeper.ts';
import { inspectSteps, type Step, stateName, type Transition } from './transitions.ts';

/**
 * Resolves when the actor runs and is kept. Rejects when `signal` is aborted first, and with what the machine throws when
 * its input is refused.
 */
export async function hostActor<TMachine extends AnyStateMachine>(
  options: HostOptions<TMachine>,
): Promise<HostedActor<TMachine>> {
  const hosted = new Host(options);
  await hosted.start();
  return hosted;
}

/** What waits for the next write. */
interface Pending {
  snapshot: AnyMachineSnapshot;
  readonly transitions: Transition[];
  readonly effects: Effect[];
}

class Host<TMachine extends AnyStateMachine> implements HostedActor<TMachine> {
  readonly #options: HostOptions<TMachine>;
  readonly #end = new AbortController();
  readonly #keeper: Keeper | undefined;
  #actor: Actor<AnyStateMachine> | undefined;
  #isRestored = false;
  #since = new Date().toISOString();
  #cause = '';
  /** Asked for by the step that is under way. */
  #asked: Effect[] = [];
  #pending: Pending | undefined;
  #kept: AnyMachineSnapshot | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: HostOptions<TMachine>) {
    this.#options = options;
    const { snapshots, kind, id } = options;
    if (snapshots !== undefined) this.#keeper = new Keeper(snapshots, actorKey(kind, id), this.#end.signal);
  }

  get snapshot(): SnapshotFrom<TMachine> {
    return this.#running.getSnapshot() as SnapshotFrom<TMachine>;
  }

  get state(): string {
    return stateName(this.#running.getSnapshot().value);
  }

  get since(): string {
    return this.#since;
  }

  get cause(): string {
    return this.#cause;
  }

  get isRestored(): boolean {
    return this.#isRestored;
  }

  get isEnded(): boolean {
    return this.#end.signal.aborted;
  }

  async start(): Promise<void> {
    const { machine, input, ports } = this.#options;
    const snapshot = await this.#restore();
    const initial = snapshot === undefined ? undefined : stateName((snapshot as AnyMachineSnapshot).value);
    const bound = machine.provide({ actions: deferred(Object.keys(ports), (effect) => this.#asked.push(effect)) });
    const actor: Actor<AnyStateMachine> = createActor(bound as AnyStateMachine, {
      input,
      ...(snapshot === undefined ? {} : { snapshot }),
      inspect: inspectSteps(
        () => actor.sessionId,
        initial,
        (step) => this.#stepped(step),
      ),
    });
    this.#actor = actor;
    // Also kept when nothing changes: whoever hosted it before learns by that write.
    actor.start();
    await this.settled();
  }

  send(event: EventFrom<TMachine>): void {
    if (!this.#end.signal.aborted) this.#running.send(event);
  }

  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async stop(): Promise<void> {
    this.#finish();
    await this.settled();
  }

  async remove(): Promise<void> {
    await this.settled();
    if (this.#end.signal.aborted) return;
    await this.#keeper?.forget();
    await this.stop();
  }

  get #running(): Actor<AnyStateMachine> {
    if (this.#actor === undefined) throw new Error('the actor is not started');
    return this.#actor;
  }

  async #restore(): Promise<SnapshotFrom<TMachine> | undefined> {
    const stored = await this.#keeper?.load();
    if (stored === undefined) return undefined;
    const { machine, input, migrations, kind, id, log } = this.#options;
    const record = actorRecordSchema.safeParse(stored);
    const restored = restore(machine, record.data?.snapshot, {
      input,
      ...(migrations === undefined ? {} : { migrations }),
    });
    if (record.success && restored.restored) {
      this.#isRestored = true;
      this.#since = record.data.since;
      this.#cause = record.data.cause;
      const { migratedFrom } = restored;
      if (migratedFrom !== undefined) log.info('actor.migrated', { kind, id, from: migratedFrom });
      return restored.snapshot;
    }
    await this.#setAside(
      stored,
      restored.restored ? 'malformed: no actor record' : `${restored.reason}: ${restored.detail}`,
    );
    return undefined;
  }

  async #setAside(stored: unknown, cause: string): Promise<void> {
    const { kind, id, events, log } = this.#options;
    log.warn('actor.set_aside', { kind, id, cause });
    events.record({ kind, id, event: 'actor.set_aside', cause });
    await this.#keeper?.setAside(stored);
  }

  #stepped({ snapshot, transition }: Step): void {
    const now = snapshot as AnyMachineSnapshot;
    const effects = this.#asked;
    this.#asked = [];
    if (transition !== undefined) {
      this.#since = new Date().toISOString();
      this.#cause = transition.cause;
      this.#options.onTransition?.(transition, now as SnapshotFrom<TMachine>);
    }
    const transitions = transition === undefined ? [] : [transition];
    if (this.#keeper === undefined) {
      this.#perform({ snapshot: now, transitions, effects });
      return;
    }
    if (this.#pending !== undefined) {
      this.#pending.snapshot = now;
      this.#pending.transitions.push(...transitions);
      this.#pending.effects.push(...effects);
    } else if (this.#mustKeep(now, transitions, effects)) {
      this.#pending = { snapshot: now, transitions, effects };
      this.#writing ??= this.#write(this.#keeper);
    }
  }

  #mustKeep(now: AnyMachineSnapshot, transitions: readonly Transition[], effects: readonly Effect[]): boolean {
    if (this.#kept === undefined || transitions.length > 0 || effects.length > 0) return true;
    const { isWorthKeeping } = this.#options;
    return isWorthKeeping?.(this.#kept as SnapshotFrom<TMachine>, now as SnapshotFrom<TMachine>) ?? false;
  }

  async #write(keeper: Keeper): Promise<void> {
    // The caller still is inside a step of the actor.
    await Promise.resolve();
    try {
      for (let pending = this.#take(); pending !== undefined; pending = this.#take()) {
        const outcome = await keeper.keep(this.#record(pending.snapshot));
        if (outcome === 'superseded') this.#supersede();
        if (outcome !== 'kept') return;
        this.#kept = pending.snapshot;
        this.#perform(pending);
      }
    } catch (error) {
      // The broker refuses for good (a record too large, say): nothing of it has happened; the actor would drift away from its record.
      this.#options.log.error('actor.not_kept', { kind: this.#options.kind, id: this.#options.id, error });
      this.#supersede();
    } finally {
      this.#writing = undefined;
    }
  }

  #take(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }

  #record(snapshot: AnyMachineSnapshot): ActorRecord {
    const { machine, by } = this.#options;
    return {
      version: versionOf(machine),
      state: stateName(snapshot.value),
      since: this.#since,
      cause: this.#cause,
      snapshot: persist(machine, snapshot as SnapshotFrom<TMachine>),
      by,
      at: new Date().toISOString(),
    };
  }

  #perform({ snapshot, transitions, effects }: Pending): void {
    const { kind, id, events, log } = this.#options;
    for (const { from, to, cause } of transitions) {
      log.info(`${kind}.changed`, { id, ...(from === undefined ? {} : { from }), to, cause });
      events.record({ kind, id, event: `${kind}.changed`, ...(from === undefined ? {} : { from }), to, cause });
    }
    for (const effect of effects) void this.#call(effect, snapshot as SnapshotFrom<TMachine>);
  }

  async #call({ name, params }: Effect, snapshot: SnapshotFrom<TMachine>): Promise<void> {
    const { kind, id, ports, log } = this.#options;
    try {
      await ports[name]?.({ snapshot, params, signal: this.#end.signal });
    } catch (error) {
      if (!this.#end.signal.aborted) log.error('actor.port_failed', { kind, id, port: name, error });
    }
  }

  #supersede(): void {
    const { kind, id, log, events, onSuperseded } = this.#options;
    if (this.#end.signal.aborted) return;
    log.warn('actor.superseded', { kind, id });
    events.record({ kind, id, event: 'actor.superseded', cause: 'somebody else keeps it' });
    this.#finish();
    onSuperseded?.();
  }

  #finish(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort(new Error('no longer hosted here'));
    this.#pending = undefined;
    this.#actor?.stop();
  }
}
