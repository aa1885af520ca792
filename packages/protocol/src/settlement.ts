/**
 * Settlements: what became of tasks, as it happens. One message holds many entries, coalesced by its writer.
 *
 * Wire: MessagePack `[1, writer, entries]`, an entry being an array in the order of `encodeEntry`. Fields may be appended.
 */
import { MAX_U48 } from './frame.ts';
import { pack, unpack } from './messagepack.ts';
import { isToken } from './names.ts';
import { SETTLEMENT_KINDS, type SettlementKind } from './outcome.ts';
import { SequenceSet } from './sequence-set.ts';

const VERSION = 1;
const READS_UP_TO = VERSION + 1;

export interface SettlementEntry {
  readonly camera: string;
  readonly epoch: number;
  readonly capability: string;
  readonly kind: SettlementKind;
  /** One of `REASONS[kind]` for outcomes; free for the others. */
  readonly reason: string;
  readonly sequences: SequenceSet;
  /** Who worked it, where somebody did. */
  readonly processor?: string;
  readonly instance?: string;
  /** Whose credit this frees. */
  readonly dispatcher?: string;
  /** Sum of the handlers' times over these frames, milliseconds. */
  readonly serviceMs?: number;
  /** How many of them had been delivered before: repeats, if their first run ended. */
  readonly redelivered?: number;
  /** 0 as captured; reprocessing counts up. */
  readonly generation?: number;
}

export interface Settlement {
  readonly writer: string;
  readonly entries: readonly SettlementEntry[];
}

export function encodeSettlement({ writer, entries }: Settlement): Buffer {
  return pack([VERSION, writer, entries.map(encodeEntry)]);
}

function encodeEntry(entry: SettlementEntry): unknown[] {
  return [
    entry.camera,
    entry.epoch,
    entry.capability,
    entry.kind,
    entry.reason,
    entry.sequences.toWire(),
    entry.processor ?? '',
    entry.instance ?? '',
    entry.dispatcher ?? '',
    entry.serviceMs ?? 0,
    entry.redelivered ?? 0,
    entry.generation ?? 0,
  ];
}

export type OpenedSettlement =
  | { readonly ok: true; readonly settlement: Settlement }
  | { readonly ok: false; readonly reason: 'malformed' | 'unsupported_version'; readonly detail: string };

/** Never throws. Entries that are damaged make the whole message `malformed`: half a truth would unbalance the books silently. */
export function decodeSettlement(bytes: Uint8Array): OpenedSettlement {
  let value: unknown;
  try {
    value = unpack(bytes);
  } catch (error) {
    return { ok: false, reason: 'malformed', detail: error instanceof Error ? error.message : 'no MessagePack' };
  }
  if (!Array.isArray(value) || !isCount(value[0]) || value[0] === 0)
    return { ok: false, reason: 'malformed', detail: 'no array that begins with a version' };
  if (value[0] > READS_UP_TO) return { ok: false, reason: 'unsupported_version', detail: `version ${value[0]}` };
  const [, writer, rows] = value;
  if (typeof writer !== 'string' || !Array.isArray(rows))
    return { ok: false, reason: 'malformed', detail: 'no entries' };
  const entries: SettlementEntry[] = [];
  for (const row of rows) {
    const entry = decodeEntry(row);
    if (entry === undefined) return { ok: false, reason: 'malformed', detail: `entry ${entries.length}` };
    entries.push(entry);
  }
  return { ok: true, settlement: { writer, entries } };
}

function decodeEntry(row: unknown): SettlementEntry | undefined {
  if (!Array.isArray(row) || row.length < 12) return undefined;
  const [
    camera,
    epoch,
    capability,
    kind,
    reason,
    ranges,
    processor,
    instance,
    dispatcher,
    serviceMs,
    redelivered,
    generation,
  ] = row as unknown[];
  if (!isName(camera) || !isCount(epoch) || typeof capability !== 'string' || capability === '') return undefined;
  if (!isKind(kind) || typeof reason !== 'string') return undefined;
  if (!isText(processor) || !isText(instance) || !isText(dispatcher)) return undefined;
  if (!isCount(redelivered) || !isCount(generation)) return undefined;
  if (typeof serviceMs !== 'number' || !Number.isFinite(serviceMs) || serviceMs < 0) return undefined;
  const sequences = SequenceSet.parseWire(ranges);
  if (sequences === undefined) return undefined;
  return {
    camera,
    epoch,
    capability,
    kind,
    reason,
    sequences,
    ...(processor === '' ? {} : { processor }),
    ...(instance === '' ? {} : { instance }),
    ...(dispatcher === '' ? {} : { dispatcher }),
    ...(serviceMs > 0 ? { serviceMs } : {}),
    ...(redelivered > 0 ? { redelivered } : {}),
    ...(generation > 0 ? { generation } : {}),
  };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && isToken(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_U48;
}

function isKind(value: unknown): value is SettlementKind {
  return (SETTLEMENT_KINDS as readonly unknown[]).includes(value);
}
