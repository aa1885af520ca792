/**
 * Snapshots that outlive a process.
 *
 *   S1  What `persist` gives is plain JSON and holds no settings: a restored actor has its host's present ones.
 *   S2  Whatever is stored, `restore` does not throw. It gives a snapshot that the machine can go on from, or says why not: then the host sets the
 *       stored one aside, reports it, and starts anew. So a bad snapshot cannot become a crash loop.
 *   S3  A snapshot of an older machine version is migrated, version by version; without a migration it is set aside, and so is
 *       one of a newer version.
 *
 * Timers are not part of a snapshot. A machine that has some takes `clock.resumed { at }` after it was restored, and waits for
 * what is left; until then none runs. (A camera takes none: its source died with the process, so it starts anew.)
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type InputFrom,
  initialTransition,
  type SnapshotFrom,
} from 'xstate';

/** A machine's `version` when it names none. */
const FIRST_VERSION = 1;

/** Parts of a context that come from the host's configuration. */
const SETTINGS = ['settings', 'timings'] as const;

export interface PersistedActor {
  readonly machine: string;
  readonly version: number;
  readonly state: PersistedState;
}

/** What a migration works on. */
export interface PersistedState {
  readonly value: unknown;
  readonly context: Readonly<Record<string, unknown>>;
}

/** From the version that is the key to the next one. May throw: the snapshot is then set aside. */
export type Migrations = Readonly<Record<number, (state: PersistedState) => PersistedState>>;

export type SetAsideReason =
  /** Not what `persist` writes, or its state and context do not fit the machine. */
  'malformed' | 'other_machine' | 'newer_version' | 'no_migration' | 'migration_failed';

export type Restored<TMachine extends AnyStateMachine> =
  | { readonly restored: true; readonly snapshot: SnapshotFrom<TMachine>; readonly migratedFrom?: number }
  | { readonly restored: false; readonly reason: SetAsideReason; readonly detail: string };

export interface RestoreOptions<TMachine extends AnyStateMachine> {
  /** As for a new actor: the settings are taken from it. */
  readonly input?: InputFrom<TMachine>;
  readonly migrations?: Migrations;
}

/** Whole and from 1 up. */
export function versionOf(machine: AnyStateMachine): number {
  return machine.version === undefined ? FIRST_VERSION : Number(machine.version);
}

export function persist<TMachine extends AnyStateMachine>(
  machine: TMachine,
  snapshot: SnapshotFrom<TMachine>,
): PersistedActor {
  const { value, context }: AnyMachineSnapshot = snapshot;
  const kept = Object.entries(context).filter(([key]) => !isSettings(key));
  return {
    machine: machine.id,
    version: versionOf(machine),
    state: { value, context: Object.fromEntries(kept) },
  };
}

/**
 * @param stored as it was read, of whatever origin
 * @throws what the machine throws when `input` itself is refused: a fault of the configuration, not of what is stored
 */
export function restore<TMachine extends AnyStateMachine>(
  machine: TMachine,
  stored: unknown,
  options: RestoreOptions<TMachine> = {},
): Restored<TMachine> {
  if (!isPersisted(stored)) return setAside('malformed', 'no persisted actor');
  if (stored.machine !== machine.id) return setAside('other_machine', `of the machine ${stored.machine}`);
  const version = versionOf(machine);
  if (stored.version > version) return setAside('newer_version', `version ${stored.version}, known is ${version}`);

  let state = stored.state;
  for (let from = stored.version; from < version; from += 1) {
    const migrate = options.migrations?.[from];
    if (migrate === undefined) return setAside('no_migration', `none from version ${from}`);
    try {
      state = migrate(state);
    } catch (error) {
      return setAside('migration_failed', `from version ${from}: ${String(error)}`);
    }
  }
  const revived = revive(machine, state, options.input);
  if (typeof revived === 'string') return setAside('malformed', revived);
  const migrated = stored.version < version ? { migratedFrom: stored.version } : {};
  return { restored: true, snapshot: revived, ...migrated };
}

/** The snapshot, or why there is none. */
function revive<TMachine extends AnyStateMachine>(
  machine: TMachine,
  state: PersistedState,
  input: InputFrom<TMachine> | undefined,
): SnapshotFrom<TMachine> | string {
  if (!isState(state)) return 'no state';
  const { value, context } = state;
  const [fresh]: readonly [AnyMachineSnapshot, unknown] = initialTransition(
    machine,
    input ?? ({} as InputFrom<TMachine>),
  );
  // A context that cannot be made is no exception to a machine: it is a snapshot in error.
  if (fresh.status === 'error') throw fresh.error;
  const expected: Readonly<Record<string, unknown>> = fresh.context;
  const settings = Object.entries(expected).filter(([key]) => isSettings(key));
  const whole = { ...context, ...Object.fromEntries(settings) };
  const misfit = Object.keys(expected).find((key) => !fits(whole[key], expected[key]));
  if (misfit !== undefined) return `context.${misfit} does not fit`;
  try {
    const snapshot = machine.resolveState({ value: value as string, context: whole });
    // What is no state's name is resolved to the initial state, silently.
    return isDeepStrictEqual(snapshot.value, value) ? (snapshot as SnapshotFrom<TMachine>) : 'no such state';
  } catch (error) {
    return String(error);
  }
}

/** The same kind as in a fresh context. Null there says nothing of what else it may be, and what may be null is so at first. */
function fits(value: unknown, expected: unknown): boolean {
  if (value === undefined) return false;
  return expected === null || kindOf(value) === kindOf(expected);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function isSettings(key: string): boolean {
  return SETTINGS.some((name) => name === key);
}

function isPersisted(stored: unknown): stored is PersistedActor {
  if (!isRecord(stored)) return false;
  const { machine, version, state } = stored;
  const isVersion = Number.isSafeInteger(version) && Number(version) >= FIRST_VERSION;
  return typeof machine === 'string' && isVersion && isState(state);
}

function isState(value: unknown): value is PersistedState {
  return isRecord(value) && 'value' in value && isRecord(value['context']);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function setAside(reason: SetAsideReason, detail: string) {
  return { restored: false, reason, detail } as const;
}
