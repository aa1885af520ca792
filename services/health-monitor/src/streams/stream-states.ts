/**
 * What the broker says of the streams, asked at most every `maxAgeMs` however many want to know.
 */
import { FrameBufferError, type StreamName, streamDefinitions } from '@frame-buffer/protocol';
import { JetStreamApiError, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';

export interface StreamState {
  readonly name: StreamName;
  /** ISO 8601 of its creation: another one means another stream of that name. */
  readonly created: string;
  readonly messages: number;
  readonly bytes: number;
  readonly maxBytes: number;
  /** Of a work queue; how many messages one subject may hold. */
  readonly maxMessagesPerSubject: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** By subject; a stream that does not exist counts as one without messages. */
export type SubjectCounts = ReadonlyMap<string, number>;

const STREAM_NOT_FOUND = 10059;

export class StreamStates {
  readonly #jsm: JetStreamManager;
  readonly #maxAgeMs: number;
  readonly #answers = new Map<string, { readonly askedAt: number; readonly answer: Promise<unknown> }>();

  constructor(jsm: JetStreamManager, maxAgeMs = 500) {
    this.#jsm = jsm;
    this.#maxAgeMs = maxAgeMs;
  }

  /** The state now, never remembered; undefined when the stream does not exist. Throws `broker_unavailable`. */
  async fresh(name: StreamName): Promise<StreamState | undefined> {
    const info = await this.#info(name);
    return info === undefined ? undefined : toState(name, info);
  }

  /** All streams of the system; undefined for those that do not exist. Throws `broker_unavailable`. */
  all(): Promise<ReadonlyMap<StreamName, StreamState | undefined>> {
    return this.#remembered('all', async () => {
      const names = streamDefinitions().map(({ name }) => name);
      return new Map(await Promise.all(names.map(async (name) => [name, await this.fresh(name)] as const)));
    });
  }

  /** Messages per subject. Throws `broker_unavailable`. */
  subjects(name: StreamName): Promise<SubjectCounts> {
    return this.#remembered(`subjects of ${name}`, async () => {
      const info = await this.#info(name, '>');
      return new Map(Object.entries(info?.state.subjects ?? {}));
    });
  }

  #remembered<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(key);
    if (known !== undefined && performance.now() - known.askedAt < this.#maxAgeMs) return known.answer as Promise<T>;
    const answer = ask();
    this.#answers.set(key, { askedAt: performance.now(), answer });
    // A failure is told to those who asked together, not to those who come later.
    answer.catch(() => this.#answers.delete(key));
    return answer;
  }

  async #info(name: StreamName, subjectsFilter?: string): Promise<StreamInfo | undefined> {
    try {
      const options = subjectsFilter === undefined ? {} : { subjects_filter: subjectsFilter };
      return await this.#jsm.streams.info(name, options);
    } catch (cause) {
      if (cause instanceof JetStreamApiError && cause.code === STREAM_NOT_FOUND) return undefined;
      throw new FrameBufferError('broker_unavailable', `the broker does not answer for the stream ${name}`, {
        retryable: true,
        cause,
      });
    }
  }
}

function toState(name: StreamName, { created, config, state }: StreamInfo): StreamState {
  return {
    name,
    created,
    messages: state.messages,
    bytes: state.bytes,
    maxBytes: config.max_bytes,
    maxMessagesPerSubject: config.max_msgs_per_subject,
    firstSequence: state.first_seq,
    lastSequence: state.last_seq,
  };
}
