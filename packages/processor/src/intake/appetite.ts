/**
 * How many messages to ask for: enough that the handler never waits, little enough that other instances get their share.
 *
 *   P1  Frames in hand are at most what is worked at the same time plus what was finished within the last 200 ms,
 *       to the message; so what waits here is started within about that time.
 *   P2  With nothing in hand, one message is always asked for.
 *   P3  Frames finished and not yet settled are bounded: a slow broker slows the intake.
 */
const WINDOW_MS = 200;
const BUCKETS = 10;
const BUCKET_MS = WINDOW_MS / BUCKETS;
const MAX_UNSETTLED_FRAMES = 8_192;
const MAX_MESSAGES = 1_024;
const SMOOTHING = 0.2;

export interface InHand {
  readonly messages: number;
  /** Frames waiting or being worked. */
  readonly frames: number;
  /** Frames of messages that are not answered yet. */
  readonly unsettled: number;
}

export class Appetite {
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #finished = new Array<number>(BUCKETS).fill(0);
  #bucket = 0;
  #framesPerMessage: number;
  #hasSeenMessage = false;

  /** `capacity`: frames worked at the same time. `maxFrames`: of one message. */
  constructor(capacity: number, maxFrames: number, now: () => number = () => performance.now()) {
    this.#capacity = capacity;
    this.#framesPerMessage = maxFrames;
    this.#now = now;
    this.#bucket = Math.floor(now() / BUCKET_MS);
  }

  arrived(frames: number): void {
    const weight = this.#hasSeenMessage ? SMOOTHING : 1;
    this.#hasSeenMessage = true;
    this.#framesPerMessage += weight * (frames - this.#framesPerMessage);
  }

  finished(frames: number): void {
    this.#turn();
    const at = this.#bucket % BUCKETS;
    this.#finished[at] = (this.#finished[at] ?? 0) + frames;
  }

  /** Messages that may be on their way. */
  want({ messages, frames, unsettled }: InHand): number {
    if (messages >= MAX_MESSAGES || unsettled >= MAX_UNSETTLED_FRAMES) return 0;
    this.#turn();
    const recent = this.#finished.reduce((sum, count) => sum + count, 0);
    const room = this.#capacity + recent - frames;
    if (room <= 0) return 0;
    return Math.min(Math.max(1, Math.floor(room / this.#framesPerMessage)), MAX_MESSAGES - messages);
  }

  #turn(): void {
    const bucket = Math.floor(this.#now() / BUCKET_MS);
    const passed = Math.min(bucket - this.#bucket, BUCKETS);
    for (let i = 1; i <= passed; i++) this.#finished[(this.#bucket + i) % BUCKETS] = 0;
    this.#bucket = bucket;
  }
}
