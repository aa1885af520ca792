/**
 * Publishes behind a fence: what is written here is taken by the broker only while this owner's fence is the newest.
 *
 *   F1  Nothing is accepted any more once the registry has put up the next fence, whatever this process believes.
 *   F2  The first refusal for that reason is told, once, and everything afterwards ends as `fenced` without being sent.
 *   F3  Any other refusal (a full disk) is worth another try: what is written here belongs to work that is done.
 *
 * One message is on its way at a time: a cluster refuses a second one with the same expectation while it agrees on the first.
 */
import type { Publisher, PublishOptions, PublishResult } from '@frame-buffer/jetstream';
import { fenceHeaders } from '@frame-buffer/protocol';

export interface FencedPublisherOptions {
  readonly publisher: Pick<Publisher, 'publish'>;
  /** Where the fence lies, and its sequence. */
  readonly fence: { readonly subject: string; readonly sequence: number };
  readonly onFenced: (detail: string) => void;
  readonly onRefused: (subject: string, detail: string) => void;
}

const AGAIN_MS = 1_000;
const FENCED: PublishResult = { ok: false, reason: 'wrong_sequence', detail: 'another instance has the partition' };

export class FencedPublisher {
  readonly #options: FencedPublisherOptions;
  #last: Promise<unknown> = Promise.resolve();
  #isFenced = false;
  #isClosed = false;

  constructor(options: FencedPublisherOptions) {
    this.#options = options;
  }

  publish(subject: string, payload: Uint8Array, options: PublishOptions = {}): Promise<PublishResult> {
    const published = this.#last.then(() => this.#publish(subject, payload, options));
    this.#last = published;
    return published;
  }

  /** Sends nothing more, and tries nothing again. */
  close(): void {
    this.#isClosed = true;
  }

  async #publish(subject: string, payload: Uint8Array, { msgId, headers }: PublishOptions): Promise<PublishResult> {
    const { publisher, fence, onFenced, onRefused } = this.#options;
    const fenced = { ...headers, ...fenceHeaders(fence.subject, fence.sequence) };
    while (!this.#isFenced && !this.#isClosed) {
      const result = await publisher.publish(subject, payload, {
        headers: fenced,
        ...(msgId === undefined ? {} : { msgId }),
      });
      if (result.ok || result.reason === 'too_large' || result.reason === 'closed') return result;
      if (result.reason === 'wrong_sequence') {
        if (!this.#isFenced) onFenced(result.detail);
        this.#isFenced = true;
        return result;
      }
      onRefused(subject, result.detail);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    return this.#isFenced ? FENCED : { ok: false, reason: 'closed', detail: 'closed before it was published' };
  }
}
