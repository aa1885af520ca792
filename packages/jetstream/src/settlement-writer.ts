/**
 * Writes settlements: entries that come while a message is on its way are folded into the next one.
 *
 *   W1  `add` resolves when the broker has stored the entry; whoever acknowledges work waits for that first.
 *   W2  An entry that finds the line free leaves with the next turn of the event loop, or after `lingerMs`.
 *   W3  Memory grows with the number of different keys, not with the length of an outage: sequences of one key are a set.
 *
 * Settlements are merged by union wherever they are read, so that order and repeats do not matter.
 */
import { encodeSettlement, SequenceSet, type SettlementEntry, subject } from '@frame-buffer/protocol';
import type { Publisher } from './publisher.ts';

/** A full disk is mended by somebody: until then, once a second. */
const REFUSED_RETRY_MS = 1_000;

export interface SettlementWriterOptions {
  readonly publisher: Pick<Publisher, 'publish'>;
  /** Instance name; the subject is `settled.<writer>`. */
  readonly writer: string;
  /** Milliseconds to wait for company; 0 (the default) for credit that others wait for. */
  readonly lingerMs?: number;
  /** Told when the broker refuses a settlement, each time; it is tried again, unless it can never be stored. */
  readonly onRefused?: (detail: string) => void;
}

export type SettlementKey = Omit<SettlementEntry, 'sequences' | 'serviceMs' | 'redelivered'>;

interface Pending {
  readonly key: SettlementKey;
  readonly sequences: SequenceSet;
  serviceMs: number;
  redelivered: number;
}

interface Group {
  readonly entries: Map<string, Pending>;
  readonly stored: Promise<void>;
  readonly resolve: () => void;
}

/** After an outage a group may be large: it is cut, far below any broker's max_payload (1 MB by default). */
const MAX_MESSAGE_BYTES = 256 * 1024;

export class SettlementWriter {
  readonly #options: SettlementWriterOptions;
  readonly #subject: string;
  readonly #run = crypto.randomUUID().slice(0, 8);
  #group: Group | undefined;
  #onTheWay: Promise<void> | undefined;
  #scheduled = false;
  #lingering: NodeJS.Timeout | undefined;
  #count = 0;

  constructor(options: SettlementWriterOptions) {
    this.#options = options;
    this.#subject = subject.settled(options.writer);
  }

  /** Settles one frame's task; sequences of the same key are kept as one entry. */
  add(key: SettlementKey, sequence: number, more: { serviceMs?: number; redelivered?: boolean } = {}): Promise<void> {
    return this.addRange(key, sequence, sequence + 1, {
      serviceMs: more.serviceMs ?? 0,
      redelivered: more.redelivered ? 1 : 0,
    });
  }

  /**
   * Settles `from` (inclusive) to `to` (exclusive). The promise stays pending while the broker refuses, and when the
   * publisher is closed: nobody acknowledges work that is not in the books.
   */
  addRange(
    key: SettlementKey,
    from: number,
    to: number,
    more: { serviceMs?: number; redelivered?: number } = {},
  ): Promise<void> {
    this.#group ??= newGroup();
    const group = this.#group;
    const id = keyOf(key);
    let pending = group.entries.get(id);
    if (pending === undefined) {
      pending = { key, sequences: new SequenceSet(), serviceMs: 0, redelivered: 0 };
      group.entries.set(id, pending);
    }
    pending.sequences.addRange(from, to);
    pending.serviceMs += more.serviceMs ?? 0;
    pending.redelivered += more.redelivered ?? 0;
    this.#schedule();
    return group.stored;
  }

  /** Resolves when everything added so far is stored, or can never be. Does not linger. */
  async flush(): Promise<void> {
    if (this.#onTheWay !== undefined) await this.#onTheWay;
    this.#send();
    await this.#onTheWay;
  }

  #schedule(): void {
    if (this.#scheduled || this.#onTheWay !== undefined) return;
    this.#scheduled = true;
    const lingerMs = this.#options.lingerMs ?? 0;
    if (lingerMs === 0) setImmediate(() => this.#send());
    else this.#lingering = setTimeout(() => this.#send(), lingerMs);
  }

  #send(): void {
    this.#scheduled = false;
    clearTimeout(this.#lingering);
    const group = this.#group;
    if (group === undefined || this.#onTheWay !== undefined) return;
    this.#group = undefined;
    this.#onTheWay = this.#publish(group).finally(() => {
      this.#onTheWay = undefined;
      if (this.#group !== undefined) this.#schedule();
    });
  }

  async #publish(group: Group): Promise<void> {
    const entries = [...group.entries.values()].map(({ key, ...rest }) => ({ ...key, ...rest }));
    const results = await Promise.all(this.#encode(entries).map((message) => this.#publishOne(message)));
    if (results.every((isStored) => isStored)) group.resolve();
  }

  async #publishOne(message: Buffer): Promise<boolean> {
    const msgId = `${this.#options.writer}.${this.#run}.${this.#count++}`;
    for (;;) {
      const result = await this.#options.publisher.publish(this.#subject, message, { msgId });
      if (result.ok) return true;
      this.#options.onRefused?.(result.detail);
      if (result.reason === 'closed' || result.reason === 'too_large') return false;
      await new Promise((resolve) => setTimeout(resolve, REFUSED_RETRY_MS));
    }
  }

  #encode(entries: SettlementEntry[]): Buffer[] {
    const message = encodeSettlement({ writer: this.#options.writer, entries });
    if (message.length <= MAX_MESSAGE_BYTES || entries.length === 1) return [message];
    const middle = entries.length >> 1;
    return [...this.#encode(entries.slice(0, middle)), ...this.#encode(entries.slice(middle))];
  }
}

function newGroup(): Group {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { entries: new Map(), stored: promise, resolve };
}

function keyOf(key: SettlementKey): string {
  return `${key.camera}|${key.epoch}|${key.capability}|${key.kind}|${key.reason}|${key.processor ?? ''}|${key.instance ?? ''}|${key.dispatcher ?? ''}|${key.generation ?? 0}`;
}
