/**
 * One camera of the site, as this gateway sees it: it is captured here while this gateway holds its lease.
 *
 *   O1  Frames carry the lease's epoch: two gateways that both believe to own a camera never make the same identity.
 *   O2  A lease is taken over `LEASE_TTL_MS` after its last renewal was seen: a camera moves within 5 s of its gateway's death.
 */
import { type JsonBucket, Lease, type LeaseRecord, SeenLease } from '@frame-buffer/jetstream';
import { type Camera, cameraLeaseKey } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import { CameraHost, type CameraHostOptions } from './camera-host.ts';

const LEASE_TTL_MS = 3_000;
const TRY_EVERY_MS = 500;

export interface OwnedCameraOptions {
  readonly camera: Camera;
  readonly leases: JsonBucket<LeaseRecord>;
  /** Instance name of this gateway. */
  readonly self: string;
  readonly host: Omit<CameraHostOptions, 'camera' | 'epoch'>;
  readonly log: Logger;
}

export class OwnedCamera {
  readonly #options: OwnedCameraOptions;
  readonly #seen = new SeenLease();
  readonly #timer: NodeJS.Timeout;
  #camera: Camera;
  #lease: Lease | undefined;
  #host: CameraHost | undefined;
  #trying = false;
  #stopped = false;

  constructor(options: OwnedCameraOptions) {
    this.#options = options;
    this.#camera = options.camera;
    this.#timer = setInterval(() => void this.#try(), TRY_EVERY_MS);
    this.#timer.unref();
    void this.#try();
  }

  get camera(): Camera {
    return this.#camera;
  }

  /** Undefined while another gateway captures it. */
  get host(): CameraHost | undefined {
    return this.#host;
  }

  /** Takes a changed record over. A new URL opens a new source; anything else only changes what frames ask for. */
  async update(camera: Camera): Promise<void> {
    const moved = camera.url !== this.#camera.url;
    this.#camera = camera;
    if (!moved) return this.#host?.update(camera);
    await this.#endHost();
    await this.#release();
    await this.#try();
  }

  /** Stops capturing and hands the lease back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#endHost();
    await this.#release();
  }

  async #try(): Promise<void> {
    if (this.#lease !== undefined || this.#trying || this.#stopped) return;
    this.#trying = true;
    try {
      const { leases, self, log } = this.#options;
      const key = cameraLeaseKey(this.#camera.name);
      const lease = await Lease.tryAcquire(
        { bucket: leases, key, owner: self, ttlMs: LEASE_TTL_MS, onLost: () => void this.#lost() },
        this.#seen,
      );
      if (lease === undefined) return;
      if (this.#stopped) return await lease.release();
      this.#lease = lease;
      log.info('camera.owned', { camera: this.#camera.name, epoch: lease.epoch });
      this.#host = new CameraHost({ ...this.#options.host, camera: this.#camera, epoch: lease.epoch });
      this.#host.start();
    } catch (error) {
      this.#options.log.warn('camera.leaseFailed', { camera: this.#camera.name, error });
    } finally {
      this.#trying = false;
    }
  }

  async #lost(): Promise<void> {
    this.#options.log.warn('camera.disowned', { camera: this.#camera.name });
    this.#lease = undefined;
    await this.#endHost();
  }

  async #endHost(): Promise<void> {
    const host = this.#host;
    this.#host = undefined;
    if (host === undefined) return;
    await host.stop();
    const { epoch, sequence } = host.status;
    this.#options.log.info('camera.closed', { camera: this.#camera.name, epoch, frames: sequence });
  }

  async #release(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    await lease?.release();
  }
}
