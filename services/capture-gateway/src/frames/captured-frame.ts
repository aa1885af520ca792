/** A picture that has become a frame: it has an identity, and whoever waits for its fate is told. */
import type { Attributes, Encoding, FrameIdentity } from '@frame-buffer/protocol';

/** What became of one task of a frame at the gateway. */
export type Fate =
  | { readonly kind: 'stored' }
  | { readonly kind: 'shed'; readonly reason: 'buffer_full' | 'lane_full' | 'too_large' | 'shutdown' }
  | { readonly kind: 'expired'; readonly reason: 'deadline' };

/** All but the picture: what is kept once the broker has that. */
export interface FrameInfo extends FrameIdentity {
  readonly width: number;
  readonly height: number;
  readonly encoding: Encoding;
  /** Wall clock at arrival, milliseconds with fraction. */
  readonly capturedAtMs: number;
  /** Monotonic clock at arrival, milliseconds. */
  readonly arrivedAtMs: number;
  readonly capabilities: readonly string[];
  readonly priority: number;
  readonly attributes?: Attributes;
  /** Told once per capability. */
  readonly onFate?: (capability: string, fate: Fate) => void;
}

export interface CapturedFrame extends FrameInfo {
  readonly bytes: Uint8Array;
}

/** One frame × one capability, its picture stored. */
export interface Task {
  readonly frame: FrameInfo;
  readonly capability: string;
  /** Sequence in PIXELS. */
  readonly pixelSequence: number;
  readonly byteSize: number;
  readonly maxAgeMs: number;
}
