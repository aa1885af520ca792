/**
 * What people see: lines that stay, and below them a block that is redrawn in place.
 *
 *   S1  On what is no terminal only the lines that stay are written, without one escape sequence.
 *   S2  The cursor is hidden while a block stands and shown again by `close`, and by whoever ends this process.
 *   S3  A reader that is gone (a closed pipe or terminal) costs output and nothing else.
 */
import { type Paint, paint } from './paint.ts';

/** The part of a writable stream that is used: process.stdout, process.stderr, or a test's. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: 'error', listener: () => void): unknown;
}

const HIDE_CURSOR = '\u001B[?25l';
const SHOW_CURSOR = '\u001B[?25h';
const ERASE_BELOW = '\u001B[J';
const ERASE_LINE_END = '\u001B[K';
/** A terminal that knows it shows all of it at once; others ignore it. */
const BEGIN_UPDATE = '\u001B[?2026h';
const END_UPDATE = '\u001B[?2026l';

export class Screen {
  readonly style: Paint;
  /** Does it show a block? */
  readonly isLive: boolean;
  readonly #output: Output;
  #block: readonly string[] = [];

  constructor(output: Output, options: { readonly hasColours: boolean }) {
    this.#output = output;
    this.isLive = output.isTTY === true;
    this.style = paint(this.isLive && options.hasColours);
    output.on('error', () => {});
  }

  get width(): number {
    return this.#output.columns ?? 80;
  }

  get height(): number {
    return this.#output.rows ?? 24;
  }

  /** Lines that stay, above the block. */
  print(...lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\n`).join('');
    if (this.#block.length === 0) this.#output.write(text);
    else
      this.#output.write(`${BEGIN_UPDATE}${this.#home()}${ERASE_BELOW}${text}${blockText(this.#block)}${END_UPDATE}`);
  }

  /** Replaces the block. What does not fit the terminal's height is left out. */
  draw(lines: readonly string[]): void {
    if (!this.isLive) return;
    const home = this.#home();
    const hide = this.#block.length === 0 ? HIDE_CURSOR : '';
    // A line of the block in the last row would scroll the terminal, and the way back would be wrong.
    this.#block = lines.slice(0, Math.max(1, this.height - 1));
    this.#output.write(`${BEGIN_UPDATE}${hide}${home}${blockText(this.#block)}${ERASE_BELOW}${END_UPDATE}`);
  }

  /** Takes the block away. */
  clear(): void {
    if (this.#block.length === 0) return;
    this.#output.write(`${this.#home()}${ERASE_BELOW}${SHOW_CURSOR}`);
    this.#block = [];
  }

  /** The block stays as it stands; what follows comes below. Idempotent. */
  close(): void {
    if (this.#block.length === 0) return;
    this.#output.write(SHOW_CURSOR);
    this.#block = [];
  }

  /** To the first column of the block's first row. */
  #home(): string {
    return this.#block.length === 0 ? '' : `\r\u001B[${this.#block.length}A`;
  }
}

function blockText(lines: readonly string[]): string {
  return lines.map((line) => `${line}${ERASE_LINE_END}\n`).join('');
}
