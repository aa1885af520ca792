/**
 * The counted publisher: many publishes in flight, one inbox, each ended by the broker's PubAck or a clear refusal.
 *
 *   P1  A result `ok` means that the broker has stored the message (or had it already: `duplicate`).
 *   P2  What may have been stored is sent again under the same id, never given up silently: only `close()` ends it.
 *   P3  At most `maxInFlight` messages and `maxInFlightBytes` bytes of payload are in flight (one message always may be);
 *       further callers wait their turn, in order.
 *   P4  While the broker is away or frozen, each message in flight takes memory once or twice, however long that lasts.
 *
 * Messages are sent in the order of the calls; one that the broker refused for the moment is stored after its successors.
 */

import type { Msg, MsgHdrs, NatsConnection, Subscription } from '@nats-io/nats-core';
import { inboxPrefix, watchConnection } from './connect.ts';
import { Fifo } from './fifo.ts';
import { guarded } from './guarded.ts';
import { headerBytes, toHeaders } from './message-headers.ts';
import { type RefusalReason, readPubAck } from './pub-ack.ts';

export interface PublisherOptions {
  /** Messages; default 1024. */
  readonly maxInFlight?: number;
  /** Default 16 MiB. */
  readonly maxInFlightBytes?: number;
  /** Milliseconds without PubAck after which a message is sent again; default 5000. */
  readonly ackTimeoutMs?: number;
  /** Told of each repeat and refusal, for counters; never per successful message. */
  readonly onTrouble?: (trouble: PublishTrouble) => void;
}

export interface PublishTrouble {
  readonly kind: 'repeated' | 'refused' | 'unavailable';
  readonly subject: string;
  readonly detail: string;
}

export interface PublishOptions {
  /** Deduplicates within the broker's window; required wherever a repeat must not count twice. */
  readonly msgId?: string;
  /** Further headers; copied, never changed. Line breaks in values become blanks. */
  readonly headers?: Readonly<Record<string, string>>;
}

export type PublishResult =
  | { readonly ok: true; readonly sequence: number; readonly duplicate: boolean }
  /**
   * `queue_full`   the subject's bound (10077): another queue may have room;
   * `stream_full`  the stream's bound;
   * `too_large`    above the broker's max_payload or the stream's max_msg_size: it can never be stored;
   * `wrong_sequence` a header expected another last sequence (10071): somebody else has written meanwhile;
   * `refused`      any other answer that a repeat will not change;
   * `closed`       the publisher or its connection was closed before an answer came: it may or may not be stored.
   */
  | { readonly ok: false; readonly reason: RefusalReason | 'closed'; readonly detail: string };

interface Message {
  readonly token: string;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  readonly resolve: (result: PublishResult) => void;
  /** When it is sent again, by `performance.now()`. */
  dueAt: number;
  attempts: number;
  /** The broker has answered the last attempt with "not now": nothing of it is on its way any more. */
  isPutOff: boolean;
}

const SCAN_MS = 100;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;
const DEFAULT_MAX_PAYLOAD = 1_048_576;
/** Headers of ours are far smaller; only above this their size is worked out. */
const ROOM_FOR_HEADERS = 65_536;

export class Publisher {
  readonly #nc: NatsConnection;
  readonly #maxInFlight: number;
  readonly #maxInFlightBytes: number;
  readonly #ackTimeoutMs: number;
  readonly #onTrouble: (trouble: PublishTrouble) => void;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #inFlight = new Map<string, Message>();
  readonly #waiting = new Fifo<Message>();
  #whenSettled: (() => void)[] = [];
  readonly #scan: NodeJS.Timeout;
  readonly #connection: { stop(): void };
  #bytes = 0;
  #next = 0;
  /** The last known one: the client forgets it while it is disconnected. */
  #maxPayload: number;
  #connected = true;
  #probing = false;
  #sending = false;
  #closed = false;

  constructor(nc: NatsConnection, options: PublisherOptions = {}) {
    this.#nc = nc;
    this.#maxPayload = nc.info?.max_payload ?? DEFAULT_MAX_PAYLOAD;
    this.#maxInFlight = options.maxInFlight ?? 1024;
    this.#maxInFlightBytes = options.maxInFlightBytes ?? 16 * 1024 * 1024;
    this.#ackTimeoutMs = options.ackTimeoutMs ?? 5_000;
    this.#onTrouble = (trouble) => guarded(() => options.onTrouble?.(trouble));
    this.#inbox = `${inboxPrefix(nc)}.${crypto.randomUUID().slice(0, 8)}`;
    this.#subscription = nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message);
      },
    });
    this.#scan = setInterval(() => this.#repeatDue(), SCAN_MS);
    this.#scan.unref();
    this.#connection = watchConnection(nc, {
      disconnected: () => {
        this.#connected = false;
      },
      reconnected: () => this.#reconnected(),
    });
    void nc.closed().then(() => this.close());
  }

  /** Messages sent or waiting to be sent. 0 means that the line is free. Callers bound what waits. */
  get pending(): number {
    return this.#inFlight.size + this.#waiting.size;
  }

  /** Bytes of payload in flight. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /**
   * Resolves when the broker has answered; stays pending through outages. The payload must not change meanwhile.
   * Rejects only on a header name that no broker could take.
   */
  publish(subject: string, payload: Uint8Array, options: PublishOptions = {}): Promise<PublishResult> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve({ ok: false, reason: 'closed', detail: 'the publisher is closed' });
      const headers = toHeaders(options.msgId, options.headers);
      const tooLarge = this.#sizeFault(payload, headers);
      if (tooLarge !== undefined) return resolve({ ok: false, reason: 'too_large', detail: tooLarge });
      const token = (this.#next++).toString(36);
      const message: Message = { token, subject, payload, headers, resolve, dueAt: 0, attempts: 0, isPutOff: false };
      if (this.#waiting.size === 0 && this.#hasRoom(message)) this.#send(message);
      else this.#waiting.push(message);
    });
  }

  /** Resolves when nothing is in flight or waiting. */
  settled(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenSettled.push(resolve);
    });
  }

  /** Ends everything that has no answer yet with `closed`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#scan);
    this.#connection.stop();
    this.#subscription.unsubscribe();
    const result = { ok: false, reason: 'closed', detail: 'closed before the broker answered' } as const;
    for (const message of this.#inFlight.values()) message.resolve(result);
    this.#inFlight.clear();
    this.#bytes = 0;
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift())
      message.resolve(result);
    this.#tellSettled();
  }

  /** The broker's limit holds for headers and payload together. */
  #sizeFault(payload: Uint8Array, headers: MsgHdrs | undefined): string | undefined {
    this.#maxPayload = this.#nc.info?.max_payload ?? this.#maxPayload;
    if (payload.length <= this.#maxPayload - ROOM_FOR_HEADERS) return undefined;
    const size = payload.length + headerBytes(headers);
    if (size <= this.#maxPayload) return undefined;
    return `${size} bytes are more than the broker's max_payload of ${this.#maxPayload}`;
  }

  #hasRoom(message: Message): boolean {
    if (!this.#connected || this.#inFlight.size >= this.#maxInFlight) return false;
    return this.#inFlight.size === 0 || this.#bytes + message.payload.length <= this.#maxInFlightBytes;
  }

  #send(message: Message): void {
    this.#inFlight.set(message.token, message);
    this.#bytes += message.payload.length;
    this.#transmit(message);
  }

  #transmit(message: Message): void {
    message.attempts += 1;
    message.isPutOff = false;
    message.dueAt = performance.now() + this.#ackTimeoutMs;
    const reply = `${this.#inbox}.${message.token}`;
    const options = message.headers === undefined ? { reply } : { reply, headers: message.headers };
    try {
      this.#nc.publish(message.subject, message.payload, options);
    } catch (error) {
      // Otherwise a malformed subject, or a broker that came back with a smaller max_payload.
      if (this.#nc.isClosed()) this.close();
      else this.#end(message, { ok: false, reason: 'refused', detail: String(error) });
    }
  }

  #answered(answer: Msg): void {
    const message = this.#inFlight.get(answer.subject.slice(this.#inbox.length + 1));
    if (message === undefined) return;
    const ack = readPubAck(answer);
    if (ack.kind === 'stored') {
      this.#end(message, { ok: true, sequence: ack.sequence, duplicate: ack.duplicate });
    } else if (ack.kind === 'refused') {
      this.#end(message, { ok: false, reason: ack.reason, detail: ack.detail });
      this.#onTrouble({ kind: 'refused', subject: message.subject, detail: ack.detail });
    } else {
      this.#putOff(message);
      this.#onTrouble({ kind: 'unavailable', subject: message.subject, detail: ack.detail });
    }
  }

  #putOff(message: Message): void {
    message.isPutOff = true;
    const longest = Math.min(FIRST_RETRY_MS * 2 ** Math.min(message.attempts - 1, 10), LONGEST_RETRY_MS);
    message.dueAt = performance.now() + longest * (0.5 + Math.random() / 2);
  }

  #end(message: Message, result: PublishResult): void {
    this.#inFlight.delete(message.token);
    this.#bytes -= message.payload.length;
    message.resolve(result);
    this.#sendWaiting();
    if (this.#inFlight.size === 0) this.#tellSettled();
  }

  #tellSettled(): void {
    const tell = this.#whenSettled;
    this.#whenSettled = [];
    for (const resolve of tell) resolve();
  }

  #sendWaiting(): void {
    // A send that fails at once ends its message and comes back here: not deeper and deeper.
    if (this.#sending) return;
    this.#sending = true;
    for (let head = this.#waiting.peek(); head !== undefined && this.#hasRoom(head); head = this.#waiting.peek()) {
      this.#waiting.shift();
      this.#send(head);
    }
    this.#sending = false;
  }

  #repeatDue(): void {
    if (!this.#connected || this.#inFlight.size === 0) return;
    const now = performance.now();
    let isSilent = false;
    for (const message of this.#inFlight.values()) {
      if (message.dueAt > now) continue;
      if (message.isPutOff) this.#transmit(message);
      else isSilent = true;
    }
    if (isSilent && !this.#probing) void this.#repeatSilent(now);
  }

  /**
   * Repeats what got no answer in time. A broker that is frozen still has our bytes before it: the pong says that it has read
   * them, so that no second copy piles up in front of it (P4). When the connection breaks instead, everything is sent anew.
   */
  async #repeatSilent(now: number): Promise<void> {
    this.#probing = true;
    try {
      await this.#nc.flush();
      for (const message of this.#inFlight.values()) {
        if (message.isPutOff || message.dueAt > now) continue;
        const detail = `no PubAck in ${this.#ackTimeoutMs} ms, attempt ${message.attempts + 1}`;
        this.#onTrouble({ kind: 'repeated', subject: message.subject, detail });
        this.#transmit(message);
      }
    } catch {
      // Disconnected, see #reconnected; or closed.
    } finally {
      this.#probing = false;
    }
  }

  /** Answers on their way were lost with the connection: everything is sent again, under the same ids. */
  #reconnected(): void {
    this.#connected = true;
    for (const message of this.#inFlight.values()) this.#transmit(message);
    this.#sendWaiting();
  }
}
