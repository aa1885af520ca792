/** A camera whose pictures come by themselves, through the API: there is nothing to open and nothing to watch. */
import { endCause, type Source, type SourceEvents } from './source.ts';

export class PushSource implements Source {
  readonly #stopped = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;

  start(on: SourceEvents): void {
    this.#running ??= this.#run(on);
  }

  async stop(): Promise<void> {
    this.#stopped.resolve();
    await this.#running;
  }

  async #run(on: SourceEvents): Promise<void> {
    await Promise.resolve();
    on.opened();
    await this.#stopped.promise;
    on.ended(endCause('stopped', 'stopped on request'));
  }
}
