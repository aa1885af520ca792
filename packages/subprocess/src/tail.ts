/**
 * The end of a text that may be long, in bounded memory.
 *
 * Only whole lines are kept once something had to go: half of a line is half of a URL, whose credentials no redaction
 * would recognise.
 */
export class Tail {
  readonly #keepBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #cut = false;

  constructor(keepBytes: number) {
    this.#keepBytes = keepBytes;
  }

  push(chunk: Buffer): void {
    const all = Buffer.concat([this.#bytes, chunk]);
    this.#cut ||= all.length > this.#keepBytes;
    // A copy: a slice would keep all of it alive.
    this.#bytes = this.#keepBytes === 0 ? Buffer.alloc(0) : Buffer.from(all.subarray(-this.#keepBytes));
  }

  toString(): string {
    if (!this.#cut) return this.#bytes.toString('utf8');
    const lineEnd = this.#bytes.indexOf('\n');
    return lineEnd < 0 ? '' : this.#bytes.toString('utf8', lineEnd + 1);
  }
}
