/**
 * How far each camera of a partition is worked, so that nothing is worked behind what came after it.
 *
 *   C1  A frame of an epoch or sequence before the newest one begun is never begun: it is late, or done already.
 *   C2  What is handed on to the next owner counts only what is concluded: settled, its result stored.
 *
 * Newest means the greater epoch, then the greater sequence: a camera's former gateway may still have something to say.
 */
import type { Positions } from '@frame-buffer/protocol';

export type Standing = 'next' | 'late' | 'done';

/** Concluded frames remembered for each camera, to tell a repeat from a late frame. */
const MAX_REMEMBERED = 512;

interface CameraPosition {
  epoch: number;
  /** Of the newest frame begun. */
  sequence: number;
  /** `[epoch, sequence]` of the newest frame concluded. */
  concluded: readonly [number, number] | undefined;
  readonly recent: Set<string>;
}

export class CameraPositions {
  readonly #cameras = new Map<string, CameraPosition>();
  readonly #inherited: Positions;

  constructor(inherited: Positions) {
    this.#inherited = inherited;
    for (const [camera, [epoch, sequence]] of Object.entries(inherited))
      this.#cameras.set(camera, { epoch, sequence, concluded: [epoch, sequence], recent: new Set() });
  }

  /**
   * `mayRepeat`: the message was in the hands of the former owner, who handed its positions on: what is not beyond them it has
   * concluded.
   */
  standingOf(camera: string, epoch: number, sequence: number, mayRepeat: boolean): Standing {
    const known = this.#cameras.get(camera);
    if (known === undefined || isBefore([known.epoch, known.sequence], [epoch, sequence])) return 'next';
    if (known.recent.has(`${epoch}.${sequence}`)) return 'done';
    const inherited = this.#inherited[camera];
    if (mayRepeat && inherited !== undefined && !isBefore(inherited, [epoch, sequence])) return 'done';
    return 'late';
  }

  /** From now on everything before it is late. */
  begun(camera: string, epoch: number, sequence: number): void {
    const known = this.#cameras.get(camera);
    if (known === undefined) {
      this.#cameras.set(camera, { epoch, sequence, concluded: undefined, recent: new Set() });
      return;
    }
    if (!isBefore([known.epoch, known.sequence], [epoch, sequence])) return;
    known.epoch = epoch;
    known.sequence = sequence;
  }

  /** Settled, whatever the outcome. */
  concluded(camera: string, epoch: number, sequence: number): void {
    const known = this.#cameras.get(camera);
    if (known === undefined) return;
    known.recent.add(`${epoch}.${sequence}`);
    if (known.recent.size > MAX_REMEMBERED) {
      for (const oldest of known.recent) {
        known.recent.delete(oldest);
        break;
      }
    }
    if (known.concluded === undefined || isBefore(known.concluded, [epoch, sequence]))
      known.concluded = [epoch, sequence];
  }

  /** For the next owner. */
  handOn(): Positions {
    const positions: Positions = {};
    for (const [camera, { concluded }] of this.#cameras)
      if (concluded !== undefined) positions[camera] = [concluded[0], concluded[1]];
    return positions;
  }
}

function isBefore(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}
