/** Runs a source and records what it reports. */
import type { EndCause, Picture, Source } from './source.ts';

export interface Recording {
  readonly calls: readonly string[];
  readonly pictures: readonly Picture[];
  readonly ended: Promise<EndCause>;
  /** Resolves when that many pictures have come; rejects when the source ends before. */
  reached(pictures: number): Promise<void>;
}

export function record(source: Source): Recording {
  const calls: string[] = [];
  const pictures: Picture[] = [];
  const waiting = new Set<() => void>();
  const { promise: ended, resolve } = Promise.withResolvers<EndCause>();
  source.start({
    opened: () => calls.push('opened'),
    picture(picture) {
      calls.push('picture');
      pictures.push(picture);
      for (const look of waiting) look();
    },
    ended(cause) {
      calls.push(`ended:${cause.code}`);
      resolve(cause);
    },
  });
  if (calls.length > 0) throw new Error('a source must not report from within start');
  return {
    calls,
    pictures,
    ended,
    async reached(count) {
      const early = ended.then((cause) => {
        throw new Error(`ended after ${pictures.length} pictures: ${JSON.stringify(cause)}`);
      });
      const enough = new Promise<void>((done) => {
        const look = () => pictures.length >= count && done();
        waiting.add(look);
        look();
      });
      await Promise.race([enough, early]);
    },
  };
}
