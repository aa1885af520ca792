/**
 * The account of what was asked of a consumer through one inbox: how many messages may still come.
 *
 * A message does not say which request it serves, and the broker serves the waiting requests in turn; so there is one total.
 * It falls by one with each message, and by what the broker says to be unserved when a request ends. A request that is served
 * in full ends without a word. `lifeMs` after it was made no request can live any more: what the total holds beyond the
 * living requests is written off, so that no lost answer stops the loop for good.
 */
export class Requested {
  readonly #lifeMs: number;
  readonly #requests = new Map<string, { readonly batch: number; readonly at: number }>();
  /** Of the requests above; the bound of what can be on the way. */
  #batches = 0;
  #onTheWay = 0;

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  get onTheWay(): number {
    return this.#onTheWay;
  }

  get isEmpty(): boolean {
    return this.#onTheWay === 0;
  }

  add(id: string, batch: number, now: number): void {
    // Nothing on the way: all earlier ones were served.
    if (this.#onTheWay === 0) this.#clear();
    this.forget(now);
    this.#requests.set(id, { batch, at: now });
    this.#batches += batch;
    this.#onTheWay += batch;
  }

  arrived(): void {
    if (this.#onTheWay > 0) this.#onTheWay -= 1;
  }

  /** A request ended, `unserved` messages short of its batch. */
  ended(id: string, unserved: number): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    this.#requests.delete(id);
    this.#batches -= request.batch;
    const left = this.#onTheWay - Math.min(unserved, request.batch);
    this.#onTheWay = Math.min(Math.max(0, left), this.#batches);
  }

  /** Strikes the requests that have outlived their life. */
  forget(now: number): void {
    for (const [id, { batch, at }] of this.#requests) {
      if (now - at < this.#lifeMs) break;
      this.#requests.delete(id);
      this.#batches -= batch;
    }
    this.#onTheWay = Math.min(this.#onTheWay, this.#batches);
  }

  #clear(): void {
    this.#requests.clear();
    this.#batches = 0;
  }
}
