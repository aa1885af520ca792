/** Cameras of a gateway whose buckets are in memory, and what they capture. */
import type { JsonBucket, LeaseRecord } from '@frame-buffer/jetstream';
import { type Camera, cameraLeaseKey } from '@frame-buffer/protocol';
import { silentLogger } from '@frame-buffer/telemetry';
import type { CapturedFrame } from '../frames/captured-frame.ts';
import type { Picture } from '../sources/source.ts';
import { Cameras } from './cameras.ts';
import { memoryBucket } from './memory-bucket.fixture.ts';

export interface Buckets {
  readonly records: JsonBucket<Camera>;
  readonly leases: JsonBucket<LeaseRecord>;
}

export interface Gateway extends Buckets, AsyncDisposable {
  readonly cameras: Cameras;
  /** What was captured, oldest first. */
  readonly offered: CapturedFrame[];
  put(name: string, change?: Partial<Camera>): Promise<void>;
  /** Somebody else takes the lease of a camera, or holds it from the beginning. */
  take(name: string): Promise<void>;
}

export async function startGateway(self = 'gateway-1', shared?: Buckets): Promise<Gateway> {
  const { records, leases } = shared ?? { records: memoryBucket<Camera>(), leases: memoryBucket<LeaseRecord>() };
  const offered: CapturedFrame[] = [];
  const cameras = await Cameras.follow({
    records,
    leases,
    self,
    log: silentLogger,
    host: { ffmpeg: undefined, offer: (frame) => offered.push(frame), onTransition: () => {} },
  });
  return {
    records,
    leases,
    cameras,
    offered,
    put: async (name, change = {}) => {
      await records.put(name, { name, url: 'push:', capabilities: ['look'], priority: 5, ...change });
    },
    take: async (name) => {
      const epoch = ((await leases.get(cameraLeaseKey(name)))?.value.epoch ?? 0) + 1;
      await leases.put(cameraLeaseKey(name), { owner: 'another', epoch, renewals: 0 });
    },
    [Symbol.asyncDispose]: () => cameras.stop(),
  };
}

export function pictureOf(change: Partial<Picture> = {}): Picture {
  const arrivedAtMs = performance.now();
  return { bytes: Buffer.alloc(10), width: 4, height: 2, encoding: 'jpeg', arrivedAtMs, ...change };
}
