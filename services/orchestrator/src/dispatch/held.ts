/** A message of a lane in this orchestrator's hands: not acknowledged before every frame of it is placed or settled. */

import type { Delivery } from '@frame-buffer/jetstream';
import type { BatchView, Lane } from '@frame-buffer/protocol';
import { TaskRanges } from './task-ranges.ts';

export class Held {
  readonly delivery: Delivery;
  readonly batch: BatchView;
  readonly lane: Lane;
  readonly todo: TaskRanges;
  /** Publishes and settlements that the broker has not confirmed yet. */
  #unconfirmed = 0;
  #touched = false;

  constructor(delivery: Delivery, batch: BatchView, lane: Lane) {
    this.delivery = delivery;
    this.batch = batch;
    this.lane = lane;
    this.todo = new TaskRanges(batch.frameCount);
  }

  /** Has any frame of it been placed or settled? Then it must not simply be handed back. */
  get isTouched(): boolean {
    return this.#touched;
  }

  /** Everything placed, everything confirmed: it may be acknowledged. */
  get isDone(): boolean {
    return this.todo.isEmpty && this.#unconfirmed === 0;
  }

  /** Counts a confirmation that must come before the acknowledgement. */
  async confirm<T>(confirmation: Promise<T>): Promise<T> {
    this.#touched = true;
    this.#unconfirmed += 1;
    try {
      return await confirmation;
    } finally {
      this.#unconfirmed -= 1;
    }
  }
}
