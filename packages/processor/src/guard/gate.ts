/**
 * Whether this instance takes work: it does while nobody objects. Told of changes only, synchronously: whoever objects has closed
 * it when `set` returns.
 */
export class Gate {
  readonly #objections = new Set<string>();
  readonly #onChange: (closedFor: string | undefined) => void;

  /** `onChange`: the first objection of those that stand, undefined when the gate is open. */
  constructor(onChange: (closedFor: string | undefined) => void) {
    this.#onChange = onChange;
  }

  /** The reason why it is closed; undefined while it is open. */
  get closedFor(): string | undefined {
    for (const first of this.#objections) return first;
    return undefined;
  }

  set(reason: string, isObjecting: boolean): void {
    const before = this.closedFor;
    if (isObjecting) this.#objections.add(reason);
    else this.#objections.delete(reason);
    const now = this.closedFor;
    if ((before === undefined) !== (now === undefined)) this.#onChange(now);
  }
}
