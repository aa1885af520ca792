/** What the processes write, line by line with their names, for `--verbose`. */
import type { Output, Screen } from './view/screen.ts';

/** A line longer than this is passed on in pieces. */
const LONGEST = 16_384;

export class OutputLines {
  readonly #stderr: Output;
  readonly #screen: Screen;
  readonly #begun = new Map<string, string>();

  constructor(stderr: Output, screen: Screen) {
    this.#stderr = stderr;
    this.#screen = screen;
  }

  write(name: string, chunk: Uint8Array): void {
    const lines = `${this.#begun.get(name) ?? ''}${Buffer.from(chunk).toString('utf8')}`.split('\n');
    const begun = lines.pop() ?? '';
    if (begun.length > LONGEST) lines.push(begun);
    this.#begun.set(name, begun.length > LONGEST ? '' : begun);
    for (const line of lines) this.#line(`[${name}] ${line}`);
  }

  #line(text: string): void {
    // Both on one terminal: the block has to make room.
    if (this.#screen.isLive && this.#stderr.isTTY === true) this.#screen.print(text);
    else this.#stderr.write(`${text}\n`);
  }
}
