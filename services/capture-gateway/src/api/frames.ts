/** REST of pushed frames: `POST /api/v1/cameras/:camera/frames` with a JPEG. Answers when the frame is durable. */
import { type Attributes, attributesSchema, frameId, parseCameraUrl, tokenSchema } from '@frame-buffer/protocol';
import { bytesRoute, ProblemError } from '@frame-buffer/service';
import { z } from 'zod';
import type { CameraHost } from '../cameras/camera-host.ts';
import type { Cameras } from '../cameras/cameras.ts';
import type { Fate } from '../frames/captured-frame.ts';
import { inspectJpeg, type JpegFault } from '../sources/jpeg.ts';
import type { Picture } from '../sources/source.ts';
import { known } from './cameras.ts';

type App = Parameters<typeof bytesRoute>[0];

export interface FramesApi {
  readonly cameras: () => Cameras;
  readonly maxPushBytes: number;
}

/** A broker that needs longer than this is away; the frame then waits in memory. */
const STORED_WITHIN_MS = 10_000;
const ATTRIBUTES_HEADER = 'frame-attributes';

const WORDS: Readonly<Record<JpegFault, string>> = {
  empty: 'it is empty',
  not_jpeg: 'it is something else, or damaged',
  truncated: 'its end is missing',
  too_many_segments: 'it has more than 200 segments',
  unsupported_coding: 'only baseline, extended and progressive coding can be read',
  bad_dimensions: 'its width or height is 0, or it has too many pixels',
};

export function frameRoutes(app: App, { cameras, maxPushBytes }: FramesApi): void {
  bytesRoute(app, {
    method: 'POST',
    url: '/api/v1/cameras/:camera/frames',
    summary: 'Pushes one JPEG; 201 means that frame and picture are stored',
    params: z.object({ camera: tokenSchema('camera') }),
    contentTypes: ['image/jpeg'],
    maxBytes: maxPushBytes,
    status: 201,
    handler: async ({ params: { camera }, bytes, request }) => {
      const host = hostOf(cameras(), camera);
      const picture = readPicture(bytes);
      const attributes = readAttributes(request.headers[ATTRIBUTES_HEADER]);
      return push(host, picture, attributes);
    },
  });
}

function hostOf(cameras: Cameras, name: string): CameraHost {
  const { camera, host } = known(cameras, name);
  if (parseCameraUrl(camera.url).type !== 'push') {
    throw new ProblemError(
      409,
      'camera_not_push',
      `Camera "${name}" has a source of its own; only cameras with the URL push: take frames`,
    );
  }
  if (host !== undefined) return host;
  throw new ProblemError(
    503,
    'camera_elsewhere',
    `Camera "${name}" belongs to another gateway at the moment; push it there`,
  );
}

function readPicture(bytes: Buffer): Picture {
  const arrivedAtMs = performance.now();
  if (bytes.length === 0) throw new ProblemError(400, 'picture_empty', 'The body is empty; send one JPEG');
  const inspected = inspectJpeg(bytes);
  if (!inspected.ok) {
    throw new ProblemError(422, 'picture_invalid', `The body is no usable JPEG: ${WORDS[inspected.reason]}`);
  }
  return { bytes: inspected.bytes, width: inspected.width, height: inspected.height, encoding: 'jpeg', arrivedAtMs };
}

function readAttributes(header: string | string[] | undefined): Attributes | undefined {
  if (header === undefined) return undefined;
  try {
    return attributesSchema.parse(JSON.parse(String(header)));
  } catch (cause) {
    throw new ProblemError(
      400,
      'attributes_invalid',
      'The header Frame-Attributes takes a JSON object of strings, numbers and booleans, at most 1024 bytes',
      { cause },
    );
  }
}

/** Resolves when every task of the frame is stored; throws a problem when one is not. */
async function push(host: CameraHost, picture: Picture, attributes: Attributes | undefined) {
  const { capabilities } = host.camera;
  const fates: Fate[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const identity = host.capture(picture, {
    ...(attributes === undefined ? {} : { attributes }),
    onFate: (_capability, fate) => {
      if (fates.push(fate) === capabilities.length) resolve();
    },
  });
  const timer = setTimeout(resolve, STORED_WITHIN_MS);
  await done;
  clearTimeout(timer);

  const frame = frameId(identity);
  const lost = fates.find((fate) => fate.kind !== 'stored');
  if (lost !== undefined)
    throw new ProblemError(503, `frame_${lost.kind}`, `Frame ${frame} was given up: ${lost.reason}`);
  if (fates.length === capabilities.length) return { frame, capabilities };
  throw new ProblemError(
    503,
    'broker_unavailable',
    `Frame ${frame} waits in memory because the broker does not answer; it is stored when it does, so do not send it again`,
  );
}
