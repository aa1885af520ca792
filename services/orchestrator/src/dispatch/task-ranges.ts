/** What is left to do of a held batch: ranges of index positions, in order. */
export interface Range {
  /** Inclusive. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export class TaskRanges {
  #ranges: Range[];

  constructor(count: number) {
    this.#ranges = [{ from: 0, to: count }];
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  get first(): Range | undefined {
    return this.#ranges[0];
  }

  get count(): number {
    return this.#ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /** Takes up to `count` positions from the front. */
  take(count: number): Range {
    const [first, ...rest] = this.#ranges;
    if (first === undefined) return { from: 0, to: 0 };
    const to = Math.min(first.to, first.from + count);
    this.#ranges = to === first.to ? rest : [{ from: to, to: first.to }, ...rest];
    return { from: first.from, to };
  }

  /** Puts a range back, to be done first. */
  giveBack(range: Range): void {
    this.#ranges.unshift(range);
  }

  /** Removes and returns the positions for which `test` is true. */
  remove(test: (position: number) => boolean): number[] {
    const removed: number[] = [];
    const kept: Range[] = [];
    for (const { from, to } of this.#ranges) {
      let start = from;
      for (let i = from; i < to; i++) {
        if (!test(i)) continue;
        if (i > start) kept.push({ from: start, to: i });
        start = i + 1;
        removed.push(i);
      }
      if (to > start) kept.push({ from: start, to });
    }
    if (removed.length > 0) this.#ranges = kept;
    return removed;
  }

  *[Symbol.iterator](): Generator<Range> {
    yield* this.#ranges;
  }
}
