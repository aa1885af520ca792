/**
 * Is the broker here, so that silence means something? It is while this registry is connected and hears its own heartbeat, which
 * takes the same way as everybody's: a broker that is frozen, has no leader or has lost our watch keeps everybody's from us.
 */

/** Below the time after which a processor is lost, even if its last heartbeat came a whole interval before ours. */
const ECHO_MS = 1_800;
const CHECK_EVERY_MS = 100;

export interface PresenceOptions {
  /** By the clock that heartbeats are stamped with, milliseconds. */
  readonly now: () => number;
  readonly onAway: (reason: string) => void;
  readonly onHere: (at: number) => void;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #timer: NodeJS.Timeout;
  #isConnected = true;
  #isHere = true;
  #since: number;
  /** Monotonic; undefined until the first echo: an own heartbeat begins only when the service is ready. */
  #heardAt: number | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#since = options.now();
    this.#timer = setInterval(() => this.#check(), CHECK_EVERY_MS);
    this.#timer.unref();
  }

  get isHere(): boolean {
    return this.#isHere;
  }

  /** Since when it has been here without a break. */
  get since(): number {
    return this.#since;
  }

  disconnected(): void {
    this.#isConnected = false;
    this.#away('disconnected');
  }

  reconnected(): void {
    this.#isConnected = true;
    // Before our own heartbeat has come back, nobody's can be expected.
    if (this.#heardAt === undefined) this.#here();
  }

  /** This registry's own heartbeat has come back. */
  heard(): void {
    this.#heardAt = performance.now();
    if (this.#isConnected) this.#here();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    if (this.#heardAt !== undefined && performance.now() - this.#heardAt > ECHO_MS) this.#away('own heartbeat is late');
  }

  #away(reason: string): void {
    if (!this.#isHere) return;
    this.#isHere = false;
    this.#options.onAway(reason);
  }

  #here(): void {
    if (this.#isHere) return;
    this.#isHere = true;
    this.#since = this.#options.now();
    this.#options.onHere(this.#since);
  }
}
