/** What a run says while it starts, works and ends. Every word for people goes through here, and to one place. */
import type { CameraState } from './cameras.ts';
import { formatDuration } from './duration.ts';
import type { PartEvent } from './part.ts';
import type { StartStep } from './system.ts';
import { words } from './view/paint.ts';
import { renderView } from './view/render.ts';
import type { Screen } from './view/screen.ts';
import type { Snapshot } from './view/snapshot.ts';
import { statusLine } from './view/status-line.ts';

const NAME_COLUMNS = 16;
const STATUS_LINE_EVERY_MS = 2_000;

export class Narrator {
  readonly #screen: Screen;
  /** Begun and not done, for the block on a terminal. */
  readonly #pending = new Map<string, string>();
  #statusSaidAt = Number.NEGATIVE_INFINITY;
  #lastStatus = '';
  #lastOpen = '';

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  say(...lines: readonly string[]): void {
    this.#screen.print(...lines);
  }

  /** A step that takes its time. Ends with `done` of the same name. */
  begin(name: string, what: string): void {
    this.#pending.set(name, what);
    this.#showPending();
  }

  done(name: string, what: string): void {
    const { green } = this.#screen.style;
    this.#pending.delete(name);
    this.#screen.print(`${green('✓')} ${name.padEnd(NAME_COLUMNS)} ${what}`);
    this.#showPending();
  }

  started({ name, isReady, url, tookMs }: StartStep): void {
    if (isReady) this.done(name, `${url ?? 'ready'}  ${this.#screen.style.dim(formatDuration(tookMs ?? 0))}`);
    else this.begin(name, 'starting');
  }

  cameras(cameras: readonly CameraState[]): void {
    const { green, yellow } = this.#screen.style;
    const told = cameras.map(({ name, state, cause }) => {
      if (state === 'streaming') return `${name} ${green(state)}`;
      return `${name} ${yellow([words(state ?? 'elsewhere'), ...(cause === undefined ? [] : [cause])].join(', '))}`;
    });
    this.done('cameras', told.length === 0 ? 'none' : told.join('; '));
  }

  event(event: PartEvent): void {
    const { red, green } = this.#screen.style;
    if (event.type === 'returned') this.say(`${green('✓')} ${event.name} is back`);
    else this.say(`${red('!')} ${event.name} ended, ${event.how}; once more in ${formatDuration(event.againInMs)}`);
  }

  /** The view, or now and then a line where there is no terminal. */
  show(snapshot: Snapshot): void {
    const screen = this.#screen;
    if (screen.isLive) {
      screen.draw(renderView(snapshot, { width: screen.width, height: screen.height, style: screen.style }));
      return;
    }
    const now = performance.now();
    const status = statusLine(snapshot);
    if (now - this.#statusSaidAt < STATUS_LINE_EVERY_MS || status === this.#lastStatus) return;
    this.#statusSaidAt = now;
    this.#lastStatus = status;
    screen.print(status);
  }

  /** What a drain still waits for, where there is no view that shows it; the same is not said twice. */
  draining(open: string): void {
    if (this.#screen.isLive || open === this.#lastOpen) return;
    this.#lastOpen = open;
    this.#screen.print(`draining: ${open}`);
  }

  /** A sentence about what went wrong. */
  fail(message: string): void {
    this.#pending.clear();
    this.#screen.clear();
    this.#screen.print(`${this.#screen.style.red('frame-buffer dev:')} ${message}`);
  }

  /** The view stays as it is. */
  end(): void {
    this.#pending.clear();
    this.#screen.close();
  }

  #showPending(): void {
    if (this.#pending.size === 0) this.#screen.clear();
    else this.#screen.draw([...this.#pending].map(([name, what]) => `· ${name.padEnd(NAME_COLUMNS)} ${what}`));
  }
}
