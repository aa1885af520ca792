/** A fleet of processors, and the frames of many cameras, as an orchestrator has them in hand. */
import { buildRouteTable, Credits, type RouteTable } from '@frame-buffer/orchestrator';
import {
  type BatchView,
  encodeBatch,
  openBatch,
  type Policy,
  type PolicyInput,
  type Processor,
  policySchema,
  processorSchema,
} from '@frame-buffer/protocol';

export const CAPABILITY = 'detect';
export const CAMERAS_PER_BATCH = 8;

export interface Fleet {
  readonly table: RouteTable;
  readonly credits: Credits;
}

export const processorName = (i: number): string => `processor-${i}`;

/** `without`: a processor that has left. */
export function fleetOf(size: number, policy: PolicyInput, without?: number): Fleet {
  const processors = Array.from({ length: size }, (_, i) => processorOf(i)).filter((_, i) => i !== without);
  const credits = new Credits('bench', () => 0);
  const policies = new Map<string, Policy>([[CAPABILITY, policySchema.parse(policy)]]);
  return { table: buildRouteTable({ processors, instances: [], policies, credits }), credits };
}

const PROCESSOR = processorSchema.parse({ name: 'any', capabilities: [CAPABILITY], concurrency: 4, maxBatch: 16 });

function processorOf(i: number): Processor {
  return { ...PROCESSOR, name: processorName(i) };
}

/** One frame of each camera, in batches as gateways make them. */
export interface Frames {
  readonly batches: readonly BatchView[];
  /** Of the frame `n`: which batch, and where in it. */
  readonly at: (n: number) => {
    readonly batch: BatchView;
    readonly range: { readonly from: number; readonly to: number };
  };
  readonly count: number;
}

export function framesOf(cameras: number): Frames {
  const batches: BatchView[] = [];
  for (let first = 0; first < cameras; first += CAMERAS_PER_BATCH) {
    const items = Array.from({ length: Math.min(CAMERAS_PER_BATCH, cameras - first) }, (_, i) => ({
      ageMs: 0,
      frame: {
        camera: `camera-${first + i}`,
        epoch: 1,
        sequence: 1,
        capturedAtMs: 0,
        width: 1920,
        height: 1080,
        encoding: 'jpeg' as const,
        byteSize: 100_000,
        pixelSequence: 1,
        capabilities: [CAPABILITY],
        priority: 5,
        maxAgeMs: 0,
      },
    }));
    const opened = openBatch(encodeBatch({ capability: CAPABILITY }, items));
    if (!opened.ok) throw new Error(opened.detail);
    batches.push(opened.batch);
  }
  const ranges = Array.from({ length: CAMERAS_PER_BATCH }, (_, from) => ({ from, to: from + 1 }));
  return {
    batches,
    count: cameras,
    at: (n) => {
      const batch = batches[Math.floor(n / CAMERAS_PER_BATCH)];
      const range = ranges[n % CAMERAS_PER_BATCH];
      if (batch === undefined || range === undefined) throw new RangeError(`no frame ${n}`);
      return { batch, range };
    },
  };
}

/** The same sequence of numbers below `bound` in every run. */
export function shuffledNumbers(count: number, bound: number): Uint32Array {
  let state = 42;
  return Uint32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  });
}
