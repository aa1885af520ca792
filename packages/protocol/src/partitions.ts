/**
 * Ordered capabilities: the frames of a camera are worked in the order of their capture, one after the other.
 *
 * A camera belongs to one of the capability's partitions, by hash, the same everywhere. Each partition is a lane of FRAMES and a
 * lane of its processor's WORK queue, each with one message under way at a time. An instance owns partitions of its processor
 * (KV `assignments`), each under an *epoch* that grows whenever the partition changes hands.
 *
 * What an owner writes names the *fence* of its epoch: the broker takes a message only while that fence is the newest of its
 * partition in the stream. So from the moment of a take-over nothing that a former owner writes is accepted.
 */
import { z } from 'zod';
import { assertToken, isToken, tokenSchema } from './names.ts';
import { STREAM } from './streams.ts';

export const MAX_PARTITIONS = 64;
export const DEFAULT_PARTITIONS = 8;

export type PartitionLane = `p${number}`;

/** What orders a capability, of its policy; both may be left out. */
export interface Ordering {
  readonly ordered?: boolean | undefined;
  readonly partitions?: number | undefined;
}

/** 0 for a capability that is not ordered. */
export function partitionsOf(policy: Ordering | undefined): number {
  return policy?.ordered === true ? (policy.partitions ?? DEFAULT_PARTITIONS) : 0;
}

/** The partition of a camera, 0 to `partitions - 1`: FNV-1a (32 bits) of its name, modulo. */
export function partitionOf(camera: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < camera.length; i++) hash = Math.imul(hash ^ camera.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % partitions;
}

/** Throws `RangeError`. */
export function partitionLane(partition: number): PartitionLane {
  if (Number.isInteger(partition) && partition >= 0 && partition < MAX_PARTITIONS) return `p${partition}`;
  throw new RangeError(`a partition is a number from 0 to ${MAX_PARTITIONS - 1}, not ${partition}`);
}

const PARTITION_LANE = /^p(0|[1-9]\d?)$/;

/** Undefined for what is no lane of a partition. */
export function parsePartitionLane(lane: string): number | undefined {
  const partition = Number(PARTITION_LANE.exec(lane)?.[1] ?? Number.NaN);
  return partition < MAX_PARTITIONS ? partition : undefined;
}

/** The consumer of one partition of a processor, for one epoch. Another epoch, another name: that is what fences acks. */
export function partitionDurable(processor: string, partition: number, epoch: number): string {
  return `${assertToken('processor', processor)}_${partitionLane(partition)}_e${epoch}`;
}

export function parsePartitionDurable(
  name: string,
): { processor: string; partition: number; epoch: number } | undefined {
  const [processor = '', lane = '', epoch = '', ...rest] = name.split('_');
  const partition = parsePartitionLane(lane);
  if (rest.length > 0 || !isToken(processor) || partition === undefined || !/^e\d{1,15}$/.test(epoch)) return undefined;
  return { processor, partition, epoch: Number(epoch.slice(1)) };
}

/**
 * Who works a partition: KV `assignments`, key `<processor>.p<k>`. Only registries write it, by compare-and-set.
 *
 *   assigned ── to move ──▶ draining ── the owner has released it, or was too slow ──▶ assigned (to the next, epoch + 1)
 *      └──────────────────── the owner has released it by itself, or is dead ──▶ released, or assigned as above
 */
export const assignmentSchema = z.object({
  /** Empty when nobody has it. */
  instance: z.union([z.literal(''), tokenSchema('instance')]),
  /** From 1; grows with every change of hands. */
  epoch: z.int().min(0),
  state: z.enum(['assigned', 'draining', 'released']),
  /** Sequences of the fences of this epoch. */
  settlementsFence: z.int().min(0),
  resultsFence: z.int().min(0),
  /** The former owner had a message in hand when it lost the partition: the first message of this epoch may be a repeat. */
  mayRepeat: z.boolean().default(false),
  /** Newest frame worked, by camera, as the former owner left it: `[epoch, sequence]`. */
  positions: z.record(z.string(), z.tuple([z.int().min(0), z.int().min(0)])).default({}),
});

export type Assignment = z.infer<typeof assignmentSchema>;
export type Positions = Assignment['positions'];

/** Throws `invalid_name`, `RangeError`. */
export function assignmentKey(processor: string, partition: number): string {
  return `${assertToken('processor', processor)}.${partitionLane(partition)}`;
}

export function parseAssignmentKey(key: string): { processor: string; partition: number } | undefined {
  const [processor = '', lane = '', ...rest] = key.split('.');
  const partition = parsePartitionLane(lane);
  return rest.length > 0 || !isToken(processor) || partition === undefined ? undefined : { processor, partition };
}

/**
 * Where the fences of a partition lie, by stream. `_` is in no name, so that nobody's own subject can be one of these.
 * Throws `invalid_name`, `RangeError`.
 */
export const fenceSubject = {
  settlements: (processor: string, partition: number) => `settled.${fenceToken(processor, partition)}`,
  results: (processor: string, partition: number) => `results._fence.${fenceToken(processor, partition)}`,
} as const;

/** The streams that have fences. */
export const FENCED_STREAMS = { settlements: STREAM.settlements, results: STREAM.results } as const;

/** Headers that make the broker refuse (10071) what was written behind a newer fence. Source: NATS server 2.12. */
export function fenceHeaders(subject: string, sequence: number): Record<string, string> {
  return {
    'Nats-Expected-Last-Subject-Sequence': String(sequence),
    'Nats-Expected-Last-Subject-Sequence-Subject': subject,
  };
}

/** An instance gives a partition back: `registry.partitions.release`. */
export const releaseRequestSchema = z.strictObject({
  processor: tokenSchema('processor'),
  partition: z
    .int()
    .min(0)
    .max(MAX_PARTITIONS - 1),
  instance: tokenSchema('instance'),
  epoch: z.int().min(0),
  positions: assignmentSchema.shape.positions,
  /** A message was left to the next owner although some of it was worked. */
  unfinished: z.boolean().default(false),
});

export type ReleaseRequest = z.input<typeof releaseRequestSchema>;

function fenceToken(processor: string, partition: number): string {
  return `${assertToken('processor', processor)}_${partitionLane(partition)}`;
}
