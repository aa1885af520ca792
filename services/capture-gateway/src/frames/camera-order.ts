/**
 * Turns within a camera: work that ends in any order is concluded in the order in which its turns were handed out.
 *
 *   O1  What is given to `take` is called once, after everything that belongs to earlier turns of the camera was.
 *   O2  Cameras do not wait for one another; a camera without open turns takes no memory.
 */
export interface Turn {
  /** To be called once for every turn. What is given may be called at once, and must not throw. */
  take(conclude: () => void): void;
}

interface Place {
  conclude: (() => void) | undefined;
}

export class CameraOrder {
  readonly #lines = new Map<string, Place[]>();

  next(camera: string): Turn {
    const line = this.#lines.get(camera) ?? [];
    this.#lines.set(camera, line);
    const place: Place = { conclude: undefined };
    line.push(place);
    return {
      take: (conclude) => {
        place.conclude = conclude;
        while (line[0]?.conclude !== undefined) line.shift()?.conclude?.();
        if (line.length === 0) this.#lines.delete(camera);
      },
    };
  }
}
