/** REST of cameras: what there is, adding and removing at run time. Records live in KV `cameras`. */

import type { JsonBucket } from '@frame-buffer/jetstream';
import { type Camera, cameraSchema, tokenSchema } from '@frame-buffer/protocol';
import { jsonRoute, ProblemError } from '@frame-buffer/service';
import { z } from 'zod';
import type { Cameras } from '../cameras/cameras.ts';
import type { OwnedCamera } from '../cameras/owned-camera.ts';
import { redactUrl } from '../sources/redact.ts';

type App = Parameters<typeof jsonRoute>[0];

export interface CameraApi {
  readonly cameras: () => Cameras;
  readonly records: () => JsonBucket<Camera>;
}

const params = z.object({ camera: tokenSchema('camera') });

/** What is told of a camera. URLs are shown without credentials. */
export function cameraView({ camera, host }: OwnedCamera) {
  const { name, url, capabilities, priority } = camera;
  const common = { name, url: redactUrl(url), capabilities, priority };
  if (host === undefined) return { ...common, owned: false };
  const { state, cause, epoch, sequence, fps, width, height } = host.status;
  return { ...common, owned: true, state, cause, epoch, sequence, fps, width, height };
}

export function cameraRoutes(app: App, { cameras, records }: CameraApi): void {
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/cameras',
    summary: 'All cameras of the site, with the state of those that this gateway captures',
    handler: () => ({ cameras: [...cameras().all()].map(cameraView) }),
  });

  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/cameras/:camera',
    summary: 'One camera',
    params,
    handler: ({ params: { camera } }) => cameraView(known(cameras(), camera)),
  });

  jsonRoute(app, {
    method: 'POST',
    url: '/api/v1/cameras',
    summary: 'Adds a camera',
    status: 201,
    body: cameraSchema,
    handler: async ({ body }) => {
      const written = await records().create(body.name, body);
      if (written.ok) return { ...body, url: redactUrl(body.url) };
      throw new ProblemError(409, 'camera_exists', `There is a camera "${body.name}" already; PUT changes it`);
    },
  });

  jsonRoute(app, {
    method: 'PUT',
    url: '/api/v1/cameras/:camera',
    summary: 'Adds or changes a camera',
    params,
    body: cameraSchema.omit({ name: true }),
    handler: async ({ params: { camera }, body }) => {
      await records().put(camera, { ...body, name: camera });
      return { ...body, name: camera, url: redactUrl(body.url) };
    },
  });

  jsonRoute(app, {
    method: 'DELETE',
    url: '/api/v1/cameras/:camera',
    summary: 'Removes a camera; frames that it captured go their way',
    params,
    handler: async ({ params: { camera } }) => {
      known(cameras(), camera);
      await records().delete(camera);
    },
  });
}

export function known(cameras: Cameras, name: string): OwnedCamera {
  const owned = cameras.get(name);
  if (owned !== undefined) return owned;
  throw new ProblemError(404, 'camera_unknown', `There is no camera "${name}"; GET /api/v1/cameras lists them`);
}
