/** The tasks that a scan found in the streams, by account. A task found twice (dispatched, not yet acknowledged) is held once. */
import { openBatch, SequenceSet } from '@frame-buffer/protocol';
import { type AccountId, accountKey } from './fold.ts';
import type { SetsByAccount } from './sets.ts';

export class Holdings {
  readonly #accounts = new Map<string, { readonly id: AccountId; readonly sequences: SequenceSet }>();
  /** Messages that no version of this reader knows: what they hold cannot be told. */
  unknownVersion = 0;
  /** Messages that are no batches. They hold no task. */
  malformed = 0;

  /** Adds what a message of FRAMES or WORK holds; answers how many frames that is. */
  add(bytes: Uint8Array): number {
    const opened = openBatch(bytes);
    if (!opened.ok) {
      if (opened.reason === 'unsupported_version') this.unknownVersion += 1;
      else this.malformed += 1;
      return 0;
    }
    const { batch } = opened;
    const { capability, generation } = batch;
    // One look-up per camera of the batch, not per frame.
    const sets: SequenceSet[] = batch.cameras.map(({ camera, epoch }) => {
      const id = { camera, epoch, capability, generation };
      const key = accountKey(id);
      let account = this.#accounts.get(key);
      if (account === undefined) {
        account = { id, sequences: new SequenceSet() };
        this.#accounts.set(key, account);
      }
      return account.sequences;
    });
    for (let i = 0; i < batch.frameCount; i++) sets[batch.cameraNumber(i)]?.add(batch.sequence(i));
    return batch.frameCount;
  }

  /** Tasks, each once. */
  get size(): number {
    let size = 0;
    for (const { sequences } of this.#accounts.values()) size += sequences.size;
    return size;
  }

  *accounts(): Generator<{ readonly id: AccountId; readonly sequences: SequenceSet }> {
    yield* this.#accounts.values();
  }

  sets(): SetsByAccount {
    return new Map([...this.#accounts].map(([key, { sequences }]) => [key, sequences]));
  }
}
