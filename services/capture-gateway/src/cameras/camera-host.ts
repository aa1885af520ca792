/**
 * The shell of one camera's actor: the machine decides, this opens and closes sources and turns their pictures into frames.
 */
import { type CameraState, cameraMachine, cameraTimings, type EndCause } from '@frame-buffer/actors';
import {
  type Attributes,
  type Camera,
  type CameraSource,
  type FrameIdentity,
  parseCameraUrl,
} from '@frame-buffer/protocol';
import { type Actor, createActor } from 'xstate';
import type { CapturedFrame, Fate } from '../frames/captured-frame.ts';
import { openSource } from '../sources/open-source.ts';
import type { Picture, Source } from '../sources/source.ts';

export interface CameraHostOptions {
  readonly camera: Camera;
  /** From the camera's lease. */
  readonly epoch: number;
  readonly ffmpeg: string | undefined;
  readonly offer: (frame: CapturedFrame) => void;
  readonly onTransition: (transition: Transition) => void;
}

export interface Transition {
  readonly camera: string;
  readonly from: CameraState;
  readonly to: CameraState;
  readonly cause: EndCause | null;
}

export interface CameraStatus {
  readonly state: CameraState;
  readonly cause: EndCause | null;
  readonly epoch: number;
  /** Of the last frame; 0 before the first. */
  readonly sequence: number;
  /** Frames in the last second or so. */
  readonly fps: number;
  readonly width: number;
  readonly height: number;
}

export interface CaptureOptions {
  readonly attributes?: Attributes;
  /** Told once per capability what became of the task. */
  readonly onFate?: (capability: string, fate: Fate) => void;
}

export class CameraHost {
  readonly #options: CameraHostOptions;
  readonly #actor: Actor<typeof cameraMachine>;
  readonly #stallMs: number;
  readonly #rate = new Rate();
  #camera: Camera;
  #source: { readonly run: number; readonly source: Source } | undefined;
  /** The last source closes before the next one opens. */
  #closing: Promise<void> = Promise.resolve();
  #state: CameraState = 'stopped';
  #sequence = 0;
  #toldAtMs = 0;
  #size = { width: 0, height: 0 };

  constructor(options: CameraHostOptions) {
    this.#options = options;
    this.#camera = options.camera;
    const source = parseCameraUrl(options.camera.url);
    const timings = timingsOf(source);
    this.#stallMs = timings.stallMs;
    this.#actor = createActor(
      cameraMachine.provide({
        actions: {
          openSource: (_, { run, attempt }) => void this.#open(source, run, attempt),
          closeSource: (_, { run }) => this.#close(run),
        },
      }),
      { input: { timings } },
    );
    this.#actor.subscribe((snapshot) => {
      const to = snapshot.value as CameraState;
      if (to === this.#state) return;
      const from = this.#state;
      this.#state = to;
      options.onTransition({ camera: this.#camera.name, from, to, cause: snapshot.context.cause });
    });
  }

  get status(): CameraStatus {
    const { context } = this.#actor.getSnapshot();
    return {
      state: this.#state,
      cause: context.cause,
      epoch: this.#options.epoch,
      sequence: this.#sequence,
      fps: this.#rate.perSecond(performance.now()),
      ...this.#size,
    };
  }

  start(): void {
    this.#actor.start();
    this.#actor.send({ type: 'camera.start' });
  }

  /** Resolves when the source is closed. */
  async stop(): Promise<void> {
    this.#actor.send({ type: 'camera.stop' });
    await this.#closing;
    this.#actor.stop();
  }

  /** What is asked of the frames from now on; the source goes on. */
  update(camera: Camera): void {
    this.#camera = camera;
  }

  get camera(): Camera {
    return this.#camera;
  }

  /** Turns a picture into a frame. Returns who it is. */
  capture(picture: Picture, more: CaptureOptions = {}): FrameIdentity {
    const { name, capabilities, priority } = this.#camera;
    const { epoch } = this.#options;
    const { bytes, width, height, encoding, arrivedAtMs } = picture;
    this.#sequence += 1;
    const identity = { camera: name, epoch, sequence: this.#sequence };
    this.#size = { width, height };
    this.#rate.count(arrivedAtMs);
    const { attributes, onFate } = more;
    this.#options.offer({
      ...identity,
      bytes,
      width,
      height,
      encoding,
      capturedAtMs: Date.now() - (performance.now() - arrivedAtMs),
      arrivedAtMs,
      capabilities,
      priority,
      ...(attributes === undefined ? {} : { attributes }),
      ...(onFate === undefined ? {} : { onFate }),
    });
    return identity;
  }

  async #open(description: CameraSource, run: number, attempt: number): Promise<void> {
    await this.#closing;
    // Meanwhile it may have been stopped, or have given this attempt up.
    const { value, context } = this.#actor.getSnapshot();
    if (value !== 'connecting' || context.run !== run) return;
    const { ffmpeg } = this.#options;
    const source = openSource({
      camera: this.#camera.name,
      source: description,
      attempt,
      ...(ffmpeg === undefined ? {} : { ffmpeg }),
    });
    this.#source = { run, source };
    this.#toldAtMs = 0;
    source.start({
      opened: () => this.#actor.send({ type: 'source.opened', run }),
      picture: (picture) => this.#picture(picture, run),
      ended: (cause) => this.#actor.send({ type: 'source.ended', run, cause, jitter: Math.random() }),
    });
  }

  #picture(picture: Picture, run: number): void {
    this.capture(picture);
    // The machine wants to hear of pictures often enough to watch them, not of each.
    const now = performance.now();
    if (now - this.#toldAtMs < this.#stallMs / 3) return;
    this.#toldAtMs = now;
    this.#actor.send({ type: 'picture.arrived', run });
  }

  #close(run: number): void {
    if (this.#source?.run !== run) return;
    const { source } = this.#source;
    this.#source = undefined;
    this.#closing = source.stop();
  }
}

/** Pushed pictures come when they like. */
function timingsOf(source: CameraSource) {
  if (source.type === 'push') return cameraTimings({ stallMs: Number.POSITIVE_INFINITY });
  return source.type === 'test-pattern' ? cameraTimings({ fps: source.fps }) : cameraTimings();
}

/** Pictures a second over the last full second. */
class Rate {
  #began = 0;
  #count = 0;
  #perSecond = 0;

  count(nowMs: number): void {
    this.#roll(nowMs);
    this.#count += 1;
  }

  perSecond(nowMs: number): number {
    this.#roll(nowMs);
    return Math.round(this.#perSecond * 10) / 10;
  }

  #roll(nowMs: number): void {
    const elapsed = nowMs - this.#began;
    if (elapsed < 1_000) return;
    this.#perSecond = (this.#count * 1_000) / elapsed;
    this.#count = 0;
    this.#began = nowMs;
  }
}
