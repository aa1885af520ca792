/**
 * The streams: names, subjects, retention and bounds. Source: design §3.
 *
 * Only the registry creates or changes them. Sizes are defaults for one site; the registry's configuration scales them.
 */

export const STREAM = {
  frames: 'FRAMES',
  pixels: 'PIXELS',
  work: 'WORK',
  results: 'RESULTS',
  settlements: 'SETTLEMENTS',
  deadLetters: 'DEADLETTERS',
  events: 'EVENTS',
} as const;

export type StreamName = (typeof STREAM)[keyof typeof STREAM];

export interface StreamDefinition {
  readonly name: StreamName;
  readonly description: string;
  readonly subjects: readonly string[];
  readonly retention: 'workqueue' | 'limits';
  /** What happens at a bound: work queues refuse (10077), logs forget their oldest. */
  readonly discard: 'new' | 'old';
  readonly maxMessagesPerSubject?: number;
  readonly maxBytes: number;
  readonly maxAgeMs?: number;
  readonly allowDirect: boolean;
}

const MiB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** Two minutes is the broker's own default; ids cost 200 bytes each while they are remembered. */
export const DUPLICATE_WINDOW_MS = 120_000;

export interface StreamSizes {
  /** Bytes that PIXELS may hold before its oldest pictures go. */
  readonly pixelsMaxBytes: number;
  /** Milliseconds a picture is kept. */
  readonly pixelsMaxAgeMs: number;
}

export const DEFAULT_STREAM_SIZES: StreamSizes = { pixelsMaxBytes: 2048 * MiB, pixelsMaxAgeMs: 600_000 };

export function streamDefinitions(sizes: StreamSizes = DEFAULT_STREAM_SIZES): readonly StreamDefinition[] {
  return [
    {
      name: STREAM.frames,
      description: 'The backlog: batches of tasks waiting in the lanes of their capability',
      subjects: ['frames.*.*'],
      retention: 'workqueue',
      discard: 'new',
      maxMessagesPerSubject: 50_000,
      maxBytes: 1024 * MiB,
      allowDirect: true,
    },
    {
      name: STREAM.pixels,
      description: 'Each picture once; headers carry the descriptor',
      subjects: ['pixels.*'],
      retention: 'limits',
      discard: 'old',
      maxBytes: sizes.pixelsMaxBytes,
      maxAgeMs: sizes.pixelsMaxAgeMs,
      allowDirect: true,
    },
    {
      name: STREAM.work,
      description: 'Short queues of the processors',
      subjects: ['work.*.*'],
      retention: 'workqueue',
      discard: 'new',
      maxMessagesPerSubject: 1024,
      maxBytes: 512 * MiB,
      allowDirect: true,
    },
    {
      name: STREAM.results,
      description: 'What processors found, per processor and camera',
      subjects: ['results.*.*'],
      retention: 'limits',
      discard: 'old',
      maxBytes: 512 * MiB,
      maxAgeMs: 24 * HOUR_MS,
      allowDirect: true,
    },
    {
      name: STREAM.settlements,
      description: 'Outcomes as they happen: the ledger, credit and breakers read this feed',
      subjects: ['settled.*'],
      retention: 'limits',
      discard: 'old',
      maxBytes: 1024 * MiB,
      maxAgeMs: 24 * HOUR_MS,
      allowDirect: true,
    },
    {
      name: STREAM.deadLetters,
      description: 'Tasks that failed for good, with their pictures',
      subjects: ['dead.*.*'],
      retention: 'limits',
      discard: 'old',
      maxBytes: 512 * MiB,
      maxAgeMs: 7 * 24 * HOUR_MS,
      allowDirect: true,
    },
    {
      name: STREAM.events,
      description: 'The audit log: transitions of cameras, processors and services',
      subjects: ['events.*.*'],
      retention: 'limits',
      discard: 'old',
      maxBytes: 128 * MiB,
      maxAgeMs: 24 * HOUR_MS,
      allowDirect: true,
    },
  ];
}
