/**
 * The gateway's part of the ledger: what it captured (the broker holds it) and what it had to give up, with the reason.
 *
 * Entries are coalesced for `LINGER_MS`. Frames that die with this process's memory were never written as captured.
 */
import type { SettlementWriter } from '@frame-buffer/jetstream';
import type { Counter, Metrics } from '@frame-buffer/telemetry';
import type { Fate, FrameInfo } from './captured-frame.ts';

export const LINGER_MS = 100;

export class Books {
  readonly #settlements: Pick<SettlementWriter, 'add' | 'flush'>;
  readonly #captured: Counter<'camera'>;
  readonly #dropped: Counter<'camera' | 'reason'>;

  constructor(settlements: Pick<SettlementWriter, 'add' | 'flush'>, metrics: Metrics) {
    this.#settlements = settlements;
    this.#captured = metrics.counter({
      name: 'frame_buffer_tasks_captured_total',
      help: 'Tasks whose frame and picture the broker has stored',
      labels: ['camera'],
    });
    this.#dropped = metrics.counter({
      name: 'frame_buffer_tasks_dropped_total',
      help: 'Tasks given up at the gateway',
      labels: ['camera', 'reason'],
    });
  }

  /** Enters the fate of one task, and tells whoever waits for it. */
  enter(frame: FrameInfo, capability: string, fate: Fate): void {
    const { camera, epoch, sequence } = frame;
    const key = { camera, epoch, capability };
    if (fate.kind === 'stored') {
      this.#captured.inc({ camera });
      void this.#settlements.add({ ...key, kind: 'captured', reason: '' }, sequence);
    } else {
      this.#dropped.inc({ camera, reason: fate.reason });
      void this.#settlements.add({ ...key, kind: fate.kind, reason: fate.reason }, sequence);
    }
    frame.onFate?.(capability, fate);
  }

  enterAll(frame: FrameInfo, fate: Fate): void {
    for (const capability of frame.capabilities) this.enter(frame, capability, fate);
  }

  /** Resolves when everything entered is stored. */
  flush(): Promise<void> {
    return this.#settlements.flush();
  }
}
