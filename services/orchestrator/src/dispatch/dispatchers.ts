/** One dispatcher per capability, made as capabilities appear. */
import type { DispatchContext } from './context.ts';
import { Dispatcher } from './dispatcher.ts';

export class Dispatchers {
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #context: DispatchContext;
  #stopped = false;

  constructor(context: DispatchContext) {
    this.#context = context;
  }

  serve(capabilities: Iterable<string>): void {
    if (this.#stopped) return;
    for (const capability of capabilities) {
      if (this.#dispatchers.has(capability)) continue;
      this.#context.log.info('capability.served', { capability });
      this.#dispatchers.set(capability, new Dispatcher(capability, this.#context));
    }
  }

  /** Somebody may have got room, or routes have changed. */
  place(): void {
    for (const dispatcher of this.#dispatchers.values()) dispatcher.place();
  }

  get inHand(): number {
    let sum = 0;
    for (const dispatcher of this.#dispatchers.values()) sum += dispatcher.inHand;
    return sum;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.stop()));
  }
}
