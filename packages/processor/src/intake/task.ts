/** One frame of a message in hand. */
import type { BatchView } from '@frame-buffer/protocol';
import type { MessageInHand } from './message.ts';

export interface Task {
  readonly message: MessageInHand;
  readonly batch: BatchView;
  /** Place in the batch. */
  readonly index: number;
}
