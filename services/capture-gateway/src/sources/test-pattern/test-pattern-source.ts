/** A camera that needs neither hardware nor ffmpeg: a real, changing JPEG at an even rate. See draw.ts for what it shows. */
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { type EndCause, endCause, type Source, type SourceEvents } from '../source.ts';
import { type Canvas, createTestPattern } from './draw.ts';
import { nextTick } from './pace.ts';

export interface TestPatternOptions {
  /** Shown in the picture. */
  readonly camera: string;
  /** Default 640. */
  readonly width?: number;
  /** Default 360. */
  readonly height?: number;
  /** Default 10. When encoding takes longer than a frame lasts, frames are left out. */
  readonly fps?: number;
}

// Small pictures: threads and caches cost more than they bring.
sharp.concurrency(1);
sharp.cache(false);

export class TestPatternSource implements Source {
  readonly #options: Required<TestPatternOptions>;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor({ camera, width = 640, height = 360, fps = 10 }: TestPatternOptions) {
    this.#options = { camera, width, height, fps };
  }

  start(on: SourceEvents): void {
    this.#running ??= this.#run(on);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(on: SourceEvents): Promise<void> {
    await Promise.resolve();
    on.ended(await this.#paint(on).catch((error: unknown) => this.#cause(error)));
  }

  async #paint(on: SourceEvents): Promise<never> {
    const { signal } = this.#stopping;
    const { camera, width, height, fps } = this.#options;
    const pattern = createTestPattern({ camera, width, height });
    const intervalMs = 1_000 / fps;
    const startedAtMs = performance.now();
    signal.throwIfAborted();
    on.opened();
    for (let lastTick = -1; ; ) {
      const tick = nextTick({ lastTick, elapsedMs: performance.now() - startedAtMs, intervalMs });
      await sleep(tick.waitMs, undefined, { signal });
      const elapsedMs = performance.now() - startedAtMs;
      const bytes = await encode(pattern.draw({ frame: tick.number, elapsedMs, wallClockMs: Date.now() }));
      signal.throwIfAborted();
      on.picture({ bytes, width, height, encoding: 'jpeg', arrivedAtMs: performance.now() });
      lastTick = tick.number;
    }
  }

  #cause(error: unknown): EndCause {
    if (this.#stopping.signal.aborted) return endCause('stopped', 'stopped on request');
    return endCause('crashed', error instanceof Error ? error.message : String(error));
  }
}

function encode({ pixels, width, height }: Canvas): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 80, optimiseCoding: false })
    .toBuffer();
}
