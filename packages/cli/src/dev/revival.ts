/**
 * Keeps a part alive after its first start: waits for its end, then starts it again until it is up or no longer wanted.
 *
 *   R1  Nothing is started after `end` has been called.
 *   R2  A start that fails counts like a death: the next one comes later.
 */
import type { ChildExit } from '@frame-buffer/subprocess';
import { Backoff } from './backoff.ts';
import type { PartEvent } from './part.ts';
import { pause } from './pause.ts';

export interface Life {
  /** Resolves at the end of the process that runs now. */
  readonly exited: Promise<ChildExit>;
}

export function describeExit({ code, signal }: ChildExit): string {
  return signal === null ? `exit code ${code}` : signal;
}

export interface RevivalOptions {
  readonly name: string;
  /** Resolves when it is ready. */
  readonly launch: () => Promise<Life>;
  /** What the process that ended last said of it, if anything. */
  readonly lastWords?: () => string | undefined;
  readonly onEvent: (event: PartEvent) => void;
  readonly onState: (state: 'waiting' | 'starting' | 'running') => void;
}

export class Revival {
  readonly #options: RevivalOptions;
  readonly #backoff = new Backoff();
  readonly #ended = new AbortController();
  #restarts = 0;

  constructor(options: RevivalOptions) {
    this.#options = options;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** From now on `life` and its successors are watched. */
  watch(life: Life): void {
    void this.#watch(life);
  }

  end(): void {
    this.#ended.abort();
  }

  async #watch(first: Life): Promise<void> {
    let life: Life | undefined = first;
    let livedSince = performance.now();
    let died = this.#describe(await life.exited);
    while (!this.#ended.signal.aborted) {
      const { name, launch, onEvent, onState } = this.#options;
      const againInMs = this.#backoff.next(life === undefined ? 0 : performance.now() - livedSince);
      this.#restarts += 1;
      onState('waiting');
      onEvent({ type: 'died', name, how: died, againInMs });
      await pause(againInMs, this.#ended.signal);
      if (this.#ended.signal.aborted) return;
      onState('starting');
      life = await launch().catch((error: unknown) => {
        died = error instanceof Error ? error.message : String(error);
        return undefined;
      });
      if (life === undefined) continue;
      livedSince = performance.now();
      onState('running');
      onEvent({ type: 'returned', name, restarts: this.#restarts });
      died = this.#describe(await life.exited);
    }
  }

  #describe(exit: ChildExit): string {
    const words = this.#options.lastWords?.();
    return words === undefined ? describeExit(exit) : `${describeExit(exit)}: ${words}`;
  }
}
