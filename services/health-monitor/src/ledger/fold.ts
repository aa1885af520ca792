/**
 * The fold of SETTLEMENTS into the books: pure, no I/O, no clock.
 *
 *   F1  The same entries in any order, and any of them several times, give the same balance (`redelivered` alone is a sum: each
 *       message of the stream is applied once).
 *   F2  Whoever settles, routes or returns a task has had it: it counts as captured although its gateway died before it said so.
 *   F3  A task counts under exactly one outcome: the strongest of those reported for it (see STRENGTH). Where they differ it is
 *       one conflict.
 *   F4  A task counts under exactly one reason of its outcome; the sum of an outcome's reasons is the count of the outcome.
 *   F5  `routed` and `returned` are no outcomes.
 */
import {
  isOutcome,
  type Outcome,
  REASONS,
  SequenceSet,
  type Settlement,
  type SettlementEntry,
} from '@frame-buffer/protocol';
import { difference, intersection, union } from './sets.ts';

/**
 * Strongest first: what happened further along a task's way says more. `processed` wins over everything, since the work was done;
 * a dead letter exists in a stream; `expired` is decided by orchestrators and processors, `superseded` at a queue, `shed` at the gateway.
 */
export const STRENGTH: readonly Outcome[] = ['processed', 'dead_lettered', 'expired', 'superseded', 'shed'];

export interface AccountId {
  readonly camera: string;
  readonly epoch: number;
  readonly capability: string;
  readonly generation: number;
}

/** Unambiguous for any names: they hold no line feeds, and one that did would only make an account of its own. */
export function accountKey({ camera, epoch, capability, generation }: AccountId): string {
  return `${camera}\n${epoch}\n${capability}\n${generation}`;
}

export interface AccountSummary extends AccountId {
  readonly key: string;
  readonly captured: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** By `<outcome>/<reason>`. */
  readonly reasons: ReadonlyMap<string, number>;
  readonly conflicts: number;
  readonly redelivered: number;
  /** Captured and without outcome. Not to be changed. */
  readonly open: SequenceSet;
}

/** Tasks in the queue of a processor that does not settle. */
export interface Routed {
  readonly processor: string;
  readonly sequences: SequenceSet;
}

/** What is known of the tasks of one camera, epoch, capability and generation. */
export class Account {
  readonly id: AccountId;
  readonly key: string;
  /** Every task that is known to exist. */
  readonly #captured = new SequenceSet();
  readonly #settled = new Map<Outcome, Map<string, SequenceSet>>();
  readonly #routed = new Map<string, SequenceSet>();
  readonly #returned = new Map<string, SequenceSet>();
  #redelivered = 0;
  #summary: AccountSummary | undefined;

  constructor(id: AccountId) {
    this.id = id;
    this.key = accountKey(id);
  }

  apply(entry: SettlementEntry): void {
    this.#summary = undefined;
    this.#redelivered += entry.redelivered ?? 0;
    this.#captured.addAll(entry.sequences);
    const processor = entry.processor ?? '';
    if (isOutcome(entry.kind)) {
      const reasons = getOrAdd(this.#settled, entry.kind, () => new Map<string, SequenceSet>());
      getOrAdd(reasons, entry.reason, () => new SequenceSet()).addAll(entry.sequences);
    } else if (entry.kind === 'routed') {
      getOrAdd(this.#routed, processor, () => new SequenceSet()).addAll(entry.sequences);
    } else if (entry.kind === 'returned') {
      getOrAdd(this.#returned, processor, () => new SequenceSet()).addAll(entry.sequences);
    }
  }

  /** These tasks were seen in a stream: they exist, whether or not their gateway lived to say so. */
  witness(sequences: SequenceSet): void {
    if (difference(sequences, this.#captured).isEmpty) return;
    this.#captured.addAll(sequences);
    this.#summary = undefined;
  }

  /**
   * What was put into the queues of processors that do not settle. A task that the same processor's queue gave back is left out:
   * whether it was routed there again cannot be told from sets.
   */
  *routed(): Generator<Routed> {
    for (const [processor, sequences] of this.#routed) {
      const returned = this.#returned.get(processor);
      yield { processor, sequences: returned === undefined ? sequences : sequences.minus(returned) };
    }
  }

  /** Computed anew only after a change. */
  summary(): AccountSummary {
    this.#summary ??= this.#summarise();
    return this.#summary;
  }

  #summarise(): AccountSummary {
    const outcomes = { processed: 0, superseded: 0, expired: 0, shed: 0, dead_lettered: 0 };
    const reasons = new Map<string, number>();
    let settled = new SequenceSet();
    let doubled = new SequenceSet();
    for (const outcome of STRENGTH) {
      let own = new SequenceSet();
      for (const [reason, sequences] of inFixedOrder(outcome, this.#settled.get(outcome))) {
        const counted = difference(difference(sequences, settled), own).size;
        outcomes[outcome] += counted;
        if (counted > 0) reasons.set(`${outcome}/${reason}`, counted);
        own = union(own, sequences);
      }
      doubled = union(doubled, intersection(own, settled));
      settled = union(settled, own);
    }
    return {
      ...this.id,
      key: this.key,
      captured: this.#captured.size,
      outcomes,
      reasons,
      conflicts: doubled.size,
      redelivered: this.#redelivered,
      open: settled.isEmpty ? this.#captured.clone() : this.#captured.minus(settled),
    };
  }
}

/** All accounts. */
export class Books {
  readonly #accounts = new Map<string, Account>();

  get size(): number {
    return this.#accounts.size;
  }

  apply(settlement: Settlement, accepts: (entry: SettlementEntry) => boolean = () => true): void {
    for (const entry of settlement.entries) {
      if (!entry.sequences.isEmpty && accepts(entry)) this.account(entry).apply(entry);
    }
  }

  /** The account, opened where there is none. */
  account(of: Omit<AccountId, 'generation'> & { readonly generation?: number }): Account {
    const { camera, epoch, capability, generation = 0 } = of;
    const id = { camera, epoch, capability, generation };
    return getOrAdd(this.#accounts, accountKey(id), () => new Account(id));
  }

  find(key: string): Account | undefined {
    return this.#accounts.get(key);
  }

  summaries(): AccountSummary[] {
    return [...this.#accounts.values()].map((account) => account.summary());
  }

  clear(): void {
    this.#accounts.clear();
  }
}

/** Known reasons in the protocol's order, then unknown ones by name: the order of arrival must not show. */
function inFixedOrder(
  outcome: Outcome,
  byReason: ReadonlyMap<string, SequenceSet> | undefined,
): [string, SequenceSet][] {
  if (byReason === undefined) return [];
  const known: readonly string[] = REASONS[outcome];
  const rank = (reason: string) => {
    const at = known.indexOf(reason);
    return at < 0 ? known.length : at;
  };
  return [...byReason].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
