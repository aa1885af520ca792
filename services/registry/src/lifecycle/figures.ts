/** What heartbeats tell of a processor's work, all instances together, over the last few seconds. Pure. */
import type { Figures } from '@frame-buffer/actors';
import type { Instance } from '@frame-buffer/protocol';

const WINDOW_MS = 5_000;
/** Fewer tasks that ended say nothing about a share. */
const MIN_ENDED = 4;

interface Sample {
  readonly at: number;
  readonly processed: number;
  readonly failed: number;
}

/** One instance's counters, from which differences are taken. */
export class InstanceFigures {
  readonly #samples: Sample[] = [];
  #blockedMs = 0;

  /** `at`: when the heartbeat was stored, milliseconds. */
  note({ processed = 0, failed = 0, blockedMs = 0 }: Instance, at: number): void {
    const last = this.#samples.at(-1);
    // A restarted instance counts from zero.
    if (last !== undefined && (processed < last.processed || failed < last.failed)) this.#samples.length = 0;
    this.#samples.push({ at, processed, failed });
    this.#blockedMs = blockedMs;
    // The one before the window is where its differences begin.
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? at) <= at - WINDOW_MS) this.#samples.shift();
  }

  get blockedMs(): number {
    return this.#blockedMs;
  }

  get ended(): { readonly processed: number; readonly failed: number } {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) return { processed: 0, failed: 0 };
    return { processed: last.processed - first.processed, failed: last.failed - first.failed };
  }
}

export function combined(instances: Iterable<InstanceFigures>): Figures {
  let processed = 0;
  let failed = 0;
  let blockedMs = 0;
  for (const one of instances) {
    processed += one.ended.processed;
    failed += one.ended.failed;
    blockedMs = Math.max(blockedMs, one.blockedMs);
  }
  const ended = processed + failed;
  return { blockedMs, ...(ended < MIN_ENDED ? {} : { failureShare: failed / ended }) };
}
