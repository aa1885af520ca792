/** The cameras of the run, put and removed through the gateway's REST, as a user would. */
import { isLeftOver, type WantedCamera } from './camera-option.ts';
import { CallError, call } from './http.ts';
import { listAt, numberAt, textAt } from './reading.ts';

export interface CameraState {
  readonly name: string;
  /** Without credentials. */
  readonly url: string;
  readonly capabilities: number;
  /** Undefined while another gateway captures it. */
  readonly state: string | undefined;
  /** Why it is not streaming. */
  readonly cause: string | undefined;
  readonly fps: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
}

const PATH = '/api/v1/cameras';

/** @throws CallError */
export async function readCameras(gateway: string, timeoutMs?: number): Promise<readonly CameraState[]> {
  const answer = await call(`${gateway}${PATH}`, timeoutMs === undefined ? {} : { timeoutMs });
  return listAt(answer, 'cameras').map((camera) => ({
    name: textAt(camera, 'name') ?? '?',
    url: textAt(camera, 'url') ?? '',
    capabilities: listAt(camera, 'capabilities').length,
    state: textAt(camera, 'state'),
    cause: causeOf(camera),
    fps: numberAt(camera, 'fps'),
    width: numberAt(camera, 'width'),
    height: numberAt(camera, 'height'),
  }));
}

/** Adds or changes the wanted ones and removes left-over test patterns; every other camera stays. @throws CallError */
export async function putCameras(gateway: string, wanted: readonly WantedCamera[]): Promise<void> {
  const stored = await readCameras(gateway);
  await Promise.all([
    ...stored.filter((camera) => isLeftOver(camera, wanted)).map(({ name }) => remove(gateway, name)),
    ...wanted.map(({ name, ...body }) => call(`${gateway}${PATH}/${name}`, { method: 'PUT', body })),
  ]);
}

async function remove(gateway: string, name: string): Promise<void> {
  try {
    await call(`${gateway}${PATH}/${name}`, { method: 'DELETE' });
  } catch (error) {
    // Somebody else was quicker: it is gone, which is what was wanted.
    if (!(error instanceof CallError && error.status === 404)) throw error;
  }
}

/** A code, or a code with words. */
function causeOf(camera: unknown): string | undefined {
  return (
    textAt(camera, 'cause') ??
    textAt(camera, 'cause', 'detail') ??
    textAt(camera, 'cause', 'code') ??
    textAt(camera, 'cause', 'message')
  );
}
