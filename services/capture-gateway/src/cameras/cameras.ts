/** All cameras of the site, followed in KV `cameras`. */
import type { JsonBucket, LeaseRecord } from '@frame-buffer/jetstream';
import { Mirror } from '@frame-buffer/jetstream';
import type { Camera } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import { OwnedCamera, type OwnedCameraOptions } from './owned-camera.ts';

export interface CamerasOptions extends Omit<OwnedCameraOptions, 'camera'> {
  readonly records: JsonBucket<Camera>;
  readonly leases: JsonBucket<LeaseRecord>;
  readonly log: Logger;
}

export class Cameras {
  readonly #options: CamerasOptions;
  readonly #mirror: Mirror<Camera>;
  readonly #owned = new Map<string, OwnedCamera>();

  private constructor(options: CamerasOptions, mirror: Mirror<Camera>) {
    this.#options = options;
    this.#mirror = mirror;
  }

  static async follow(options: CamerasOptions): Promise<Cameras> {
    const mirror = await Mirror.of(options.records);
    const cameras = new Cameras(options, mirror);
    for (const [name, camera] of mirror.entries()) cameras.#apply(name, camera);
    mirror.onChange((name, stored) => cameras.#apply(name, stored?.value));
    return cameras;
  }

  get(name: string): OwnedCamera | undefined {
    return this.#owned.get(name);
  }

  *all(): Generator<OwnedCamera> {
    yield* this.#owned.values();
  }

  /** Stops capturing here; the records stay. */
  async stop(): Promise<void> {
    this.#mirror.stop();
    await Promise.all([...this.#owned.values()].map((owned) => owned.stop()));
  }

  #apply(name: string, camera: Camera | undefined): void {
    const owned = this.#owned.get(name);
    if (camera === undefined) {
      this.#owned.delete(name);
      void owned?.stop();
    } else if (owned === undefined) {
      this.#owned.set(name, new OwnedCamera({ ...this.#options, camera }));
    } else {
      void owned.update(camera);
    }
  }
}
