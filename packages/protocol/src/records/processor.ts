/** A processor as it registers itself: KV `processors`, micro and REST of the registry. */
import { z } from 'zod';
import { MAX_FRAMES_PER_BATCH } from '../batch/layout.ts';
import { capabilitiesSchema, ENCODINGS } from '../frame.ts';
import { tokenSchema } from '../names.ts';

export const processorSchema = z.strictObject({
  name: tokenSchema('processor'),
  capabilities: capabilitiesSchema('a processor'),
  /** Frames that one instance works at the same time. */
  concurrency: z.int().min(1).max(4096).default(1),
  /** Frames in one message of its queue at most. With 1, what a plain client needs stands in message headers too. */
  maxBatch: z.int().min(1).max(MAX_FRAMES_PER_BATCH).default(1),
  /** Tasks that may wait or be worked at it at most, all instances together. */
  maxQueue: z.int().min(1).max(100_000).default(1000),
  /** Pictures it can read; frames of another encoding are not sent to it. */
  encodings: z.array(z.enum(ENCODINGS)).min(1).default(['jpeg']),
  /** Does it write settlements (the SDK does)? If not, the broker's ack is taken as `processed/acked`. */
  settles: z.boolean().default(false),
  /** `heartbeat`: ready while an instance's heartbeat lives. `registration`: ready until deregistered. */
  liveness: z.enum(['heartbeat', 'registration']).default('registration'),
  /** Milliseconds after which an unacknowledged message is delivered again. */
  ackWaitMs: z.int().min(1_000).max(3_600_000).default(30_000),
  labels: z.record(tokenSchema('label'), z.string().max(200)).default({}),
  version: z.string().max(100).default(''),
});

export type Processor = z.infer<typeof processorSchema>;
export type ProcessorInput = z.input<typeof processorSchema>;

/** The heartbeat of one instance of a processor or service: KV `instances`, key `<kind>.<name>.<instance>`. */
export const instanceSchema = z.object({
  kind: z.enum(['processor', 'service']),
  name: tokenSchema('name'),
  instance: tokenSchema('instance'),
  startedAt: z.iso.datetime(),
  /** Where its HTTP answers, if it has one. */
  http: z.string().max(200).optional(),
  /** Tasks being worked. */
  inFlight: z.int().min(0).optional(),
  /** Tasks fetched and waiting in the instance. */
  queued: z.int().min(0).optional(),
  /** Since its start: frames processed, and attempts at a frame that failed. */
  processed: z.int().min(0).optional(),
  failed: z.int().min(0).optional(),
  /** Milliseconds since its event loop last answered the heartbeat thread; large means a blocking handler. */
  blockedMs: z.int().min(0).optional(),
  state: z.enum(['ready', 'draining']).default('ready'),
  /** Of the instance's own breaker, if it has one: while it is open the instance takes no work. */
  breaker: z.enum(['closed', 'open', 'halfOpen']).optional(),
  /**
   * `slow`: more than a few calls take longer than they should; `blocking`: the handler holds up the event loop; `hung`: calls
   * that have timed out go on, so many that the instance takes no work until they end.
   */
  condition: z.enum(['ok', 'slow', 'blocking', 'hung']).optional(),
});

export type Instance = z.infer<typeof instanceSchema>;
